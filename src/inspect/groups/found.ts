/**
 * The groups of all tables, as they are known so far. A look after the first tells apart anew whatever shares an inode
 * with a descriptor of a table that may have changed.
 */
import { DescriptionOrder } from '../../descriptions/order.ts';
import { kcmpItems, type Span } from '../../scan/columns.ts';
import type { OpenFiles } from '../../scan/inode-columns.ts';
import { type Steps, WALK } from '../../scan/steps.ts';
import type { Scan, Table } from '../../scan/tables.ts';
import { membersOf } from '../../util/merge-sort.ts';
import { gather, type OnDrop } from './inode-buckets.ts';
import { touchedBy } from './touched.ts';
import { addDifferences, changedItems, idOf, itemKey } from './changes.ts';
import { aloneAmong } from './alone.ts';
import { confirmed } from './confirmed.ts';
import { movedIn, soughtIn } from './crowd.ts';
import type { Name, NamedGroup, NameOf } from './name.ts';
import { groupSockets, groupStill, isReadable } from './still.ts';

const BETWEEN_PAUSES = 64;
const STEADY = 3; // looks in a row in which what was the same is believed, whatever moves beside it

export class FoundGroups {
  groups: NamedGroup[] = [];
  /** Why items could not be compared. */
  dropped: Map<number, string> = new Map();
  /** The tasks of what was listed in the last look, and closed when it was compared. */
  gone: ReadonlySet<number> = new Set();
  readonly #files: OpenFiles;
  readonly #scan: Scan;
  readonly #minHolders: number;
  readonly #nameOf: NameOf;
  /** By table: the items that were looked at. */
  readonly #spans = new Map<Table, Span>();
  #looks = 0;
  #carefulLooks = 0;
  /** By descriptor: the look in which it was last found to be something else than before. */
  readonly #moved = new Map<number, number>();
  /** By descriptor: how often it was. */
  readonly #times = new Map<number, number>();

  constructor(files: OpenFiles, scan: Scan, minHolders: number, name: NameOf) {
    this.#files = files;
    this.#scan = scan;
    this.#minHolders = minHolders;
    this.#nameOf = name;
  }

  /** One look, as settle() wants it. */
  *look(open: readonly Table[], isCareful: boolean): Steps<ReadonlySet<Table>> {
    const files = this.#files;
    const gone = (this.gone = new Set<number>());
    const drop: OnDrop = (item, code) => {
      if (code === 'EBADF' || code === 'ESRCH') gone.add(files.ids[item] as number);
      this.dropped.set(item, code);
    };
    const { comparable, tables } = this.#scan;
    let changed = new Set<Table>();
    if (isCareful) this.#carefulLooks++;
    if (++this.#looks === 1 || !comparable) {
      this.dropped.clear();
      const group = comparable ? groupStill : groupSockets;
      const groups = yield* group(files, tables, this.#minHolders, drop);
      if (this.#looks > 1) changed = this.#compare(open, this.groups, groups);
      this.groups = [];
      yield* this.#add(groups, new Map(), new Set(), this.#looks > 1);
    } else changed = yield* this.#lookAgain(open, isCareful, drop);
    for (const table of open) {
      const span = files.spanOf(table.id);
      this.#spans.set(table, span);
      if (comparable && (yield* files.isAnyCopied(span))) table.isWhole = false; // although its process did not run
      if (!table.isWhole) changed.add(table);
      yield;
    }
    if (gone.size > 0) for (const table of tables) if (gone.has(table.id)) changed.add(table);
    return changed;
  }

  /** Leaves out of tables that changed all the while what did so itself, and of those that ran what is not surely alone. */
  *leaveOut(unsettled: ReadonlySet<Table>): Steps<void> {
    const files = this.#files;
    const ids = new Set([...unsettled].map(({ id }) => id));
    const running = new Set(this.#scan.tables.filter(({ rest }) => rest === undefined).map(({ id }) => id));
    if (ids.size + running.size === 0 || !this.#scan.comparable) return;
    const isRestless = (item: number): boolean =>
      ids.has(files.ids[item] as number) && (this.#moved.get(itemKey(files, item)) ?? 0) > this.#looks - STEADY;
    const isAlone = aloneAmong(files, this.groups);
    const kept: NamedGroup[] = [];
    for (const [i, group] of this.groups.entries()) {
      if (i % BETWEEN_PAUSES === 0) yield;
      const items = group.items.some(isRestless) ? group.items.filter((item) => !isRestless(item)) : group.items;
      const first = items[0] ?? -1;
      if (items.length === 1 && running.has(files.ids[first] as number) && !isAlone(first))
        this.dropped.set(first, 'EAGAIN');
      else if (items.length === group.items.length) kept.push(group);
      else if (items.length >= this.#minHolders) kept.push({ items, ...this.#nameOf(files, items, true) });
    }
    this.groups = kept;
  }

  *#lookAgain(open: readonly Table[], isCareful: boolean, drop: OnDrop): Steps<Set<Table>> {
    const files = this.#files;
    const read = new Set(open.map(({ id }) => id));
    const touched = yield* touchedBy(files, this.#scan.tables, read, drop);
    for (const table of open) {
      yield;
      const before = this.#spans.get(table);
      if (before !== undefined) for (let item = before.start; item < before.end; item++) touched.add(files.keyOf(item));
    }
    const isTouched = (item: number): boolean => touched.has(files.keyOf(item));
    const [kept, before]: [NamedGroup[], NamedGroup[]] = [[], []];
    let walked = 0;
    for (const group of this.groups) {
      if (++walked % WALK === 0) yield;
      (isTouched(group.items[0] as number) ? before : kept).push(group);
    }
    const again = new Set(files.isSought && [...this.dropped.keys(), ...before.flatMap(({ items }) => items)]);
    const groups = yield* this.#tellApart(isTouched, isCareful, drop, read, again);
    const changed = this.#compare(open, before, groups);
    this.groups = kept;
    const names = new Map(before.filter(({ by }) => !read.has(files.ids[by] as number)).map((name) => [name.by, name]));
    yield* this.#add(groups, names, read, true);
    return changed;
  }

  /**
   * Tells apart all that is on one of these inodes.
   * @param open - the tasks whose tables may have changed
   * @param again - the items that were one with others, or could not be compared
   */
  *#tellApart(
    isTouched: (item: number) => boolean,
    isCareful: boolean,
    drop: OnDrop,
    open: ReadonlySet<number>,
    again: ReadonlySet<number>,
  ): Steps<number[][]> {
    const files = this.#files;
    const isCurrent = new Uint8Array(files.length);
    for (const { id } of this.#scan.tables) {
      const { start, end } = files.spanOf(id);
      isCurrent.fill(1, start, end);
    }
    for (const item of this.dropped.keys()) if (isTouched(item) || isCurrent[item] === 0) this.dropped.delete(item);
    const items = new Int32Array(files.length);
    let count = 0;
    for (let item = 0; item < files.length; item++) {
      if (item % WALK === 0) yield;
      if (isCurrent[item] === 1 && isTouched(item) && isReadable(files, item, drop)) items[count++] = item;
    }
    const { heads, next } = yield* gather(files, items.subarray(0, count));
    const order = new DescriptionOrder(files.length, (a, b) => kcmpItems(files, a, b), drop, files.ranks);
    const groups: number[][] = [];
    for (const [i, head] of heads.entries()) {
      if (i % BETWEEN_PAUSES === 0) yield;
      if (next[head] === -1 && this.#minHolders > 1) continue;
      const members = Int32Array.from(membersOf({ next }, head));
      const isSought = soughtIn(files, members);
      const moved = movedIn(files, members, isSought, open, again);
      const isSure = isCareful && moved === undefined;
      const told = yield* isSure ? order.tellApart(members) : confirmed(order, moved ?? members, isSought, files, open);
      for (const group of told)
        if (group.length >= this.#minHolders && (isSought === undefined || group.some(isSought))) groups.push(group);
    }
    return groups;
  }

  /** The tables of which something changed from one look to the next. */
  #compare(open: readonly Table[], before: readonly NamedGroup[], now: readonly number[][]): Set<Table> {
    const moved = new Set<number>();
    for (const table of open) addDifferences(this.#files, this.#spans.get(table), table.id, moved);
    // What is on another inode has surely moved, and says nothing of those that it was beside.
    for (const key of moved) this.#times.set(key, Number.POSITIVE_INFINITY);
    for (const key of changedItems(this.#files, before, now, this.#times)) moved.add(key);
    for (const key of moved) {
      this.#times.set(key, (this.#times.get(key) ?? 0) + 1);
      // A quick look may be wrong of whatever is compared with something that moves.
      if (this.#carefulLooks > 1) this.#moved.set(key, this.#looks);
    }
    const ids = new Set([...moved].map(idOf));
    return new Set(this.#scan.tables.filter(({ id }) => ids.has(id)));
  }

  /** Adds groups by the names that their items have, which are known of some. */
  *#add(
    groups: readonly number[][],
    names: ReadonlyMap<number, Name>,
    open: ReadonlySet<number>,
    mayMove: boolean,
  ): Steps<void> {
    const files = this.#files;
    for (const [i, items] of groups.entries()) {
      if (i % BETWEEN_PAUSES === 0) yield i / groups.length;
      const name = names.size === 0 ? undefined : names.get(items.find((item) => names.has(item)) ?? -1);
      if (open.size > 0)
        items.sort((a, b) => Number(open.has(files.ids[a] as number)) - Number(open.has(files.ids[b] as number)));
      this.groups.push({ ...(name ?? this.#nameOf(files, items, mayMove)), items });
    }
  }
}
