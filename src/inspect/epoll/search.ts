/** Where some targets of one instance are, as far as is known: looked for in all tables, and again in those that change. */
import type { Span } from '../../scan/columns.ts';
import type { Links } from '../../scan/link-columns.ts';
import { part, type Steps } from '../../scan/steps.ts';
import type { Scan, Table } from '../../scan/tables.ts';
import { Candidates, type InodeClass, type Inodes } from './inode-classes.ts';
import { agree, confirms } from './confirm.ts';
import { describeTargets, type Known } from './describe.ts';
import { areEqual, holdingsOf } from './holdings.ts';
import { matchMany, stillThere } from './many.ts';
import { TargetMatcher } from './match.ts';
import { proveOwnNumbers, takeOwn } from './proof.ts';
import { matchSockets } from './sockets.ts';
import { type OpenTarget, placesIn } from './targets.ts';
import { NONE } from './together/finder.ts';
import type { Walks } from './walks.ts';

/** Above so many targets one that is where it was registered, alone on its inode, is not proven a second time. */
const MANY = 1000;
const NO_ITEMS: Span = { start: 0, end: 0 };

export class TargetSearch {
  readonly #walks: Walks;
  readonly #scan: Scan;
  readonly #links: Links;
  readonly #inodes: Inodes;
  #targets: readonly OpenTarget[];
  #proven: Uint8Array;
  /** By target: 1 where the inode of a socket told. */
  #told: Uint8Array;
  #candidates: Candidates;
  /** Targets that came since the last look. */
  #anew: number[] = [];
  /** Whether it did not come to a look, so that the next must make up for it. */
  #hasMissed = false;
  /** By target: its items. */
  #items: number[][] = [];
  /** Why items could not be compared. */
  readonly dropped: Map<number, string> = new Map();
  /** How many looks there were. */
  looks = 0;

  /** @param proven - by target: whether its own number was found to be its file */
  constructor(walks: Walks, scan: Scan, inodes: Inodes, targets: readonly OpenTarget[], proven: Uint8Array) {
    this.#walks = walks;
    this.#scan = scan;
    this.#inodes = inodes;
    this.#links = inodes.links;
    this.#targets = targets;
    this.#proven = proven;
    this.#told = new Uint8Array(targets.length);
    this.#candidates = new Candidates(inodes, targets);
  }

  /** Goes on with another list of targets: what is known of those under whose numbers nothing changed still stands. */
  *goOn(targets: readonly OpenTarget[]): Steps<void> {
    const places = placesIn(this.#targets, targets);
    const [items, proven, told] = [this.#items, this.#proven, this.#told];
    this.#anew = [...places.keys()].filter((target) => places[target] === -1);
    const fresh = this.#walks.isPaced
      ? []
      : yield* proveOwnNumbers(
          this.#walks,
          this.#anew.map((target) => targets[target] as OpenTarget),
        );
    this.#items = Array.from(places, (place) => items[place] ?? NONE);
    this.#proven = Uint8Array.from(places, (place) => proven[place] ?? 0);
    this.#told = Uint8Array.from(places, (place) => told[place] ?? 0);
    for (const [i, target] of this.#anew.entries()) this.#proven[target] = fresh[i] ?? 0;
    this.#targets = targets;
    this.#candidates = new Candidates(this.#inodes, targets);
  }

  /** To be told of a look without it. */
  miss(): void {
    this.#hasMissed = true;
  }

  /** One look, as settle() wants it. */
  *look(open: readonly Table[]): Steps<ReadonlySet<Table>> {
    const before = this.looks++ === 0 ? undefined : holdingsOf(this.#links, this.#items);
    const changed = new Set(this.#inodes.listings.changedIn(open));
    const gone = new Set<number>();
    if (this.#scan.comparable)
      yield* this.#match(open, (item, code) => {
        if (code === 'EBADF' || code === 'ESRCH') gone.add(this.#links.ids[item] as number);
        this.dropped.set(item, code);
      });
    else yield* this.#matchSockets();
    if (before === undefined && gone.size === 0) return changed;
    // Also of those that were not listed again: they may have moved since.
    const now = holdingsOf(this.#links, this.#items);
    for (const id of new Set([...(before ?? now).keys(), ...now.keys()]))
      if (before !== undefined && !areEqual(before.get(id), now.get(id))) gone.add(id);
    if (gone.size > 0) for (const table of this.#scan.tables) if (gone.has(table.id)) changed.add(table);
    return changed;
  }

  *#match(open: readonly Table[], onDrop: (item: number, code: string) => void): Steps<void> {
    const { isPaced } = this.#walks;
    const known = this.looks === 1 ? undefined : isPaced ? stillThere(this.#links, this.#items) : this.#items;
    const matcher = new TargetMatcher(this.#walks, this.#links, this.#targets, known, onDrop);
    const classes = yield* part(0, 0.1, this.#classes(matcher, open));
    if (known !== undefined) this.#forget(classes);
    if (isPaced) yield* part(0.1, 1, matchMany(matcher, classes, this.#known));
    else {
      const own = this.#own;
      for (const [i, one] of classes.entries()) {
        if (known !== undefined && this.#isPlain(one)) continue;
        const steps = known === undefined ? matcher.matchStill(one) : matcher.matchMoving(one, own, this.#candidates);
        yield* part(0.1 + (0.9 * i) / classes.length, 0.1 + (0.9 * (i + 1)) / classes.length, steps);
      }
    }
    this.#anew = [];
    this.#items = matcher.items;
  }

  /** What is to be looked at: all that there is, and later what is in tables that may have changed, or did. */
  *#classes(matcher: TargetMatcher, open: readonly Table[]): Steps<InodeClass[]> {
    const { tables } = this.#scan;
    const { isPaced } = this.#walks;
    if (this.looks === 1) {
      const isProven = (target: number): boolean => this.#proven[target] === 1;
      if (!isPaced) yield* takeOwn(matcher, this.#targets.keys(), isProven, this.#own, this.#candidates);
      return yield* this.#candidates.open(tables, matcher.items);
    }
    const hasMissed = this.#hasMissed;
    this.#hasMissed = false;
    const touched = hasMissed ? new Set(this.#candidates.inodes) : yield* this.#candidates.touchedIn(open, isPaced);
    return yield* this.#candidates.classes(tables, touched, this.#anew);
  }

  /** Without kcmp, see {@link matchSockets}. */
  *#matchSockets(): Steps<void> {
    this.dropped.clear();
    const onDrop = (item: number, code: string): void => void this.dropped.set(item, code);
    this.#items = yield* matchSockets(this.#targets, this.#candidates, this.#links, this.#scan.tables, onDrop);
    for (const [i, target] of this.#targets.entries())
      target.via = this.#items[i]?.length === 0 ? 'none' : 'socket-inode';
  }

  /** Tells in the targets what was found; of tables that changed all the while only what is still so. */
  describe(unsettled: ReadonlySet<Table>): Steps<void> {
    return describeTargets(this.#known, this.#items, this.dropped, this.#scan, unsettled);
  }

  /**
   * Whether everybody still is what he was found to be, see {@link confirms}.
   * @param inodes - read since
   */
  confirms(inodes: Inodes): Steps<boolean> {
    const { length } = this.#targets;
    const targets = [...this.#targets.keys()]
      // Of very many those are left out that are alone under their numbers, and are where they were registered.
      .filter((i) => length <= MANY || this.#targets[i]?.toff !== 0 || this.#proven[i] === 0)
      .filter((i) => this.#told[i] === 0)
      .map((i) => ({ target: this.#targets[i] as OpenTarget, items: this.#items[i] ?? [] }));
    return confirms(targets, inodes, this.#scan.tables, this.#walks, length);
  }

  get #known(): Known {
    const [walks, links, targets, candidates] = [this.#walks, this.#links, this.#targets, this.#candidates];
    return { walks, links, targets, candidates, own: this.#own, told: this.#told };
  }

  /** Whether some of the targets still are where they were found, see {@link agree}. */
  agrees(time: number): boolean {
    return agree(this.#targets, this.#items, this.#links, this.#walks, time);
  }

  /** The items of the task asked about; none when it was skipped. */
  get #own(): Span {
    const { pid } = this.#walks;
    return this.#scan.tables.some(({ id }) => id === pid) ? this.#links.spanOf(pid) : NO_ITEMS;
  }

  #isPlain({ targets, items }: InodeClass): boolean {
    const [target] = targets;
    const isAlone = this.#targets.length > MANY && targets.length === 1 && items.length === 1;
    return (
      isAlone &&
      this.#proven[target as number] === 1 &&
      this.#links.fds[items[0] as number] === this.#targets[target as number]?.tfd
    );
  }

  /** Forgets what could not be compared before in what is looked at anew. */
  #forget(classes: readonly InodeClass[]): void {
    if (this.dropped.size === 0) return;
    const anew = new Set(classes.flatMap(({ items }) => items));
    const ids = new Set(this.#scan.tables.map(({ id }) => id));
    for (const [item, code] of this.dropped) {
      const id = this.#links.ids[item] as number;
      const { start, end } = ids.has(id) ? this.#links.spanOf(id) : NO_ITEMS;
      const isCurrent = (item >= start && item < end) || code === 'ETIMEDOUT';
      if (anew.has(item) || !isCurrent) this.dropped.delete(item);
    }
  }
}
