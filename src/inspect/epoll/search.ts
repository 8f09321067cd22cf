/** Where some targets of one instance are, as far as is known: looked for in all tables, and again in those that change. */
import type { FileRef } from '../../binding/kcmp.ts';
import { kcmpEpollRaw } from '../../binding/syscall.ts';
import { refAt, type Span } from '../../scan/columns.ts';
import { unseen } from '../../scan/coverage.ts';
import type { Links } from '../../scan/link-columns.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Scan, Table } from '../../scan/tables.ts';
import { Candidates, type InodeClass } from './inode-classes.ts';
import { confirms } from './confirm.ts';
import { areEqual, holdingsOf } from './holdings.ts';
import { NONE, TargetMatcher } from './match.ts';
import { proveOwnNumbers } from './proof.ts';
import { matchSockets } from './sockets.ts';
import { type EpollTarget, placesIn, type TargetStatus } from './targets.ts';

/** Above so many targets one that is where it was registered, alone on its inode, is not proven a second time. */
const MANY = 1000;
const NO_ITEMS: Span = { start: 0, end: 0 };
const BETWEEN_PAUSES = 256;

export class TargetSearch {
  readonly #pid: number;
  readonly #efd: number;
  readonly #scan: Scan;
  readonly #links: Links;
  #targets: readonly EpollTarget[];
  #proven: Uint8Array;
  #candidates: Candidates;
  /** Targets that came since the last look. */
  #anew: number[] = [];
  /** By table: the items that were looked at. */
  readonly #spans = new Map<Table, Span>();
  /** By target: its items. */
  #items: number[][] = [];
  /** Why items could not be compared. */
  #dropped = new Map<number, string>();
  /** How many looks there were. */
  looks = 0;

  /** @param proven - by target: whether its own number was found to be its file */
  constructor(pid: number, efd: number, scan: Scan, links: Links, targets: readonly EpollTarget[], proven: Uint8Array) {
    this.#pid = pid;
    this.#efd = efd;
    this.#scan = scan;
    this.#links = links;
    this.#targets = targets;
    this.#proven = proven;
    this.#candidates = new Candidates(links, targets);
  }

  /** Goes on with another list of targets: what is known of those under whose numbers nothing changed still stands. */
  *goOn(targets: readonly EpollTarget[]): Steps<void> {
    const places = placesIn(this.#targets, targets);
    const [items, proven] = [this.#items, this.#proven];
    this.#anew = [...places.keys()].filter((target) => places[target] === -1);
    const fresh = yield* proveOwnNumbers(
      this.#pid,
      this.#efd,
      this.#anew.map((target) => targets[target] as EpollTarget),
    );
    this.#items = Array.from(places, (place) => items[place] ?? NONE);
    this.#proven = Uint8Array.from(places, (place) => proven[place] ?? 0);
    for (const [i, target] of this.#anew.entries()) this.#proven[target] = fresh[i] as number;
    this.#targets = targets;
    this.#candidates = new Candidates(this.#links, targets);
  }

  /** One look, as settle() wants it. */
  *look(open: readonly Table[]): Steps<ReadonlySet<Table>> {
    const before = this.looks++ === 0 ? undefined : holdingsOf(this.#links, this.#items);
    const changed = new Set<Table>();
    const gone = new Set<number>();
    if (this.#scan.comparable)
      yield* this.#match(open, (item, code) => {
        if (code === 'EBADF' || code === 'ESRCH') gone.add(this.#links.ids[item] as number);
        this.#dropped.set(item, code);
      });
    else yield* this.#matchSockets();
    for (const table of open) {
      const span = this.#links.spanOf(table.id);
      const last = this.#spans.get(table);
      if (!table.isWhole || (last !== undefined && !this.#links.isAlike(last, span))) changed.add(table);
      this.#spans.set(table, span);
    }
    if (before === undefined && gone.size === 0) return changed;
    // Also of those that were not listed again: they may have moved since.
    const now = holdingsOf(this.#links, this.#items);
    for (const table of this.#scan.tables) {
      const isOther = before !== undefined && !areEqual(before.get(table.id), now.get(table.id));
      if (isOther || gone.has(table.id)) changed.add(table);
    }
    return changed;
  }

  *#match(open: readonly Table[], onDrop: (item: number, code: string) => void): Steps<void> {
    const isFirst = this.looks === 1;
    const items = isFirst ? undefined : this.#items;
    const matcher = new TargetMatcher(this.#pid, this.#efd, this.#links, this.#targets, items, onDrop);
    if (isFirst) {
      yield* matcher.takeOwn(this.#targets.keys(), (target) => this.#proven[target] === 1, this.#own, this.#candidates);
      const classes = yield* this.#candidates.open(this.#scan.tables, matcher.items);
      for (const one of classes) yield* matcher.matchStill(one);
    } else {
      const spans = open.flatMap((table) => [this.#spans.get(table) ?? NO_ITEMS, this.#links.spanOf(table.id)]);
      const classes = yield* this.#candidates.touched(this.#scan.tables, spans, this.#anew);
      this.#forget(classes);
      for (const one of classes) if (!this.#isPlain(one)) yield* matcher.matchMoving(one, this.#own, this.#candidates);
    }
    this.#anew = [];
    this.#items = matcher.items;
  }

  /** Without kcmp, see {@link matchSockets}. */
  *#matchSockets(): Steps<void> {
    this.#dropped.clear();
    const onDrop = (item: number): void => void this.#dropped.set(item, 'EPERM');
    this.#items = yield* matchSockets(this.#targets, this.#candidates, this.#links, this.#scan.tables, onDrop);
    for (const [i, target] of this.#targets.entries())
      target.via = this.#items[i]?.length === 0 ? 'none' : 'socket-inode';
  }

  /** Tells in the targets what was found; of tables that changed all the while only what is still so. */
  *describe(unsettled: ReadonlySet<Table>): Steps<void> {
    const ids = new Set([...unsettled].map(({ id }) => id));
    const { account, comparable } = this.#scan;
    for (const [item, code] of this.#dropped) account.skip(this.#links.ids[item] as number, code, 'descriptor');
    const ofUnresolved = !comparable || unseen(account).length > 0 ? 'unreadable' : 'unseen';
    const own = this.#own;
    for (const [i, target] of this.#targets.entries()) {
      if (i % BETWEEN_PAUSES === 0) yield;
      const holders = (this.#items[i] ?? []).map((item) => refAt(this.#links, item));
      const isSure = ({ pid, fd }: FileRef): boolean =>
        !ids.has(pid) || (this.#isFile(pid, fd, target) && this.#isFile(pid, fd, target));
      target.holders = ids.size === 0 ? holders : holders.filter(isSure);
      this.#describe(target, i, own);
      if (target.status === 'unresolved') target.reason = ofUnresolved;
    }
  }

  /** Whether everybody still is what he was found to be, see {@link confirms}. */
  confirms(): Steps<boolean> {
    const targets = [...this.#targets.keys()]
      // Of very many those are left out that are alone under their numbers, and are where they were registered.
      .filter((i) => this.#targets.length <= MANY || this.#targets[i]?.toff !== 0 || this.#proven[i] === 0)
      .map((i) => ({ target: this.#targets[i] as EpollTarget, items: this.#items[i] ?? [] }));
    return confirms(targets, this.#links, this.#scan.tables, (ref, target) => this.#isFile(ref.pid, ref.fd, target));
  }

  #isFile(pid: number, fd: number, { tfd, toff }: EpollTarget): boolean {
    return kcmpEpollRaw(pid, this.#pid, fd, this.#efd, tfd, toff) === 0;
  }

  /** The items of the task asked about; none when it was skipped. */
  get #own(): Span {
    return this.#scan.tables.some(({ id }) => id === this.#pid) ? this.#links.spanOf(this.#pid) : NO_ITEMS;
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
    const anew = new Set(classes.flatMap(({ items }) => items));
    const current = new Set(this.#scan.tables.map(({ id }) => this.#links.spanOf(id)));
    const isCurrent = (item: number): boolean => [...current].some(({ start, end }) => item >= start && item < end);
    for (const item of this.#dropped.keys()) if (anew.has(item) || !isCurrent(item)) this.#dropped.delete(item);
  }

  /** What follows from a target's holders. */
  #describe(target: EpollTarget, index: number, own: Span): void {
    const { tfd, holders } = target;
    const at = this.#links.itemOf(own, tfd);
    target.numberNow = at < 0 ? null : (this.#links.links[at] ?? null);
    let status: TargetStatus = holders.length > 0 ? 'foreign' : 'unresolved';
    for (const ref of holders) {
      if (ref.pid !== this.#pid) continue;
      status = ref.fd === tfd ? 'live' : 'renumbered';
      if (status === 'live') break;
    }
    target.status = status;
    if (holders.length > 1) holders.sort((a, b) => a.pid - b.pid || a.fd - b.fd);
    if (status === 'live' || target.numberNow === null) return;
    // Without kcmp a number that is open as some file of the same inode may still be this very file.
    target.numberReused = this.#scan.comparable || this.#candidates.inodeOf(at) !== this.#candidates.inodes[index];
  }
}
