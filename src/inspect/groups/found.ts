/**
 * The groups of all tables, as they are known so far. The first look groups as if nothing moved; a later one tells apart
 * anew, and more carefully, whatever shares an inode with a descriptor of a table that may have changed.
 */
import { DescriptionOrder } from '../../descriptions/order.ts';
import { kcmpItems, type Span } from '../../scan/columns.ts';
import type { OpenFiles } from '../../scan/inode-columns.ts';
import { type Steps, WALK } from '../../scan/steps.ts';
import type { Scan, Table } from '../../scan/tables.ts';
import { membersOf } from '../../util/merge-sort.ts';
import { gather, type OnDrop, splitEventfds } from './inode-buckets.ts';
import { groupSockets, groupStill, isReadable } from './still.ts';

const BETWEEN_PAUSES = 256;

export class FoundGroups {
  groups: number[][] = [];
  /** Why items could not be compared. */
  dropped: Map<number, string> = new Map();
  readonly #files: OpenFiles;
  readonly #scan: Scan;
  readonly #minHolders: number;
  /** By table: the items that were looked at. */
  readonly #spans = new Map<Table, Span>();

  constructor(files: OpenFiles, scan: Scan, minHolders: number) {
    this.#files = files;
    this.#scan = scan;
    this.#minHolders = minHolders;
  }

  /** One look, as settle() wants it. */
  *look(open: readonly Table[]): Steps<ReadonlySet<Table>> {
    const isFirst = this.#spans.size === 0;
    const gone = new Set<number>();
    const drop: OnDrop = (item, code) => {
      if (code === 'EBADF' || code === 'ESRCH') gone.add(this.#files.ids[item] as number);
      this.dropped.set(item, code);
    };
    const changed = isFirst ? new Set<Table>() : yield* this.#lookAgain(open, drop);
    if (isFirst) {
      const group = this.#scan.comparable ? groupStill : groupSockets;
      this.groups = yield* group(this.#files, this.#scan.tables, this.#minHolders, drop);
    }
    for (const table of open) {
      const span = this.#files.spanOf(table.id);
      this.#spans.set(table, span);
      const isCopied = this.#scan.comparable && (yield* this.#isCopied(span));
      if (!table.isWhole || gone.has(table.id) || isCopied) changed.add(table);
    }
    return changed;
  }

  *#isCopied({ start, end }: Span): Steps<boolean> {
    for (let item = start; item < end; item++) {
      if (item % BETWEEN_PAUSES === 0) yield;
      if (this.#files.isCopied(item)) return true;
    }
    return false;
  }

  *#lookAgain(open: readonly Table[], drop: OnDrop): Steps<Set<Table>> {
    const files = this.#files;
    const read = new Set(open.map(({ id }) => id));
    const touched = new Set<number>();
    const anew: number[] = [];
    let walked = 0;
    for (const item of this.#items()) {
      if (++walked % WALK === 0) yield;
      if (read.has(files.ids[item] as number)) anew.push(item);
      // What was taken over from a parent that may have changed is read for itself.
      else if (files.origins[item] !== item && read.has(files.ids[files.origins[item] as number] as number)) {
        touched.add(files.keyOf(item));
        files.refresh(item);
        if (anew.push(item) % BETWEEN_PAUSES === 0) yield;
      }
    }
    yield* splitEventfds(files, Int32Array.from(anew), drop);
    for (const [i, item] of anew.entries()) {
      if (i % WALK === 0) yield;
      touched.add(files.keyOf(item));
    }
    const changed = new Set<Table>();
    for (const table of open) {
      const before = this.#spans.get(table);
      if (before === undefined) continue;
      yield;
      for (let item = before.start; item < before.end; item++) touched.add(files.keyOf(item));
      if (!files.isAlike(before, files.spanOf(table.id))) changed.add(table);
    }
    yield* this.#tellApart(touched, drop);
    return changed;
  }

  /** Tells apart all that is on one of these inodes. */
  *#tellApart(touched: ReadonlySet<number>, drop: OnDrop): Steps<void> {
    const files = this.#files;
    const isTouched = (item: number): boolean => touched.has(files.keyOf(item));
    const kept: number[][] = [];
    for (const [i, group] of this.groups.entries()) {
      if (i % WALK === 0) yield;
      if (!isTouched(group[0] as number)) kept.push(group);
    }
    this.groups = kept;
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
    const order = new DescriptionOrder(files.length, (a, b) => kcmpItems(files, a, b), drop);
    for (const [i, head] of heads.entries()) {
      if (i % 64 === 0) yield i / heads.length;
      if (next[head] === -1 && this.#minHolders > 1) continue;
      for (const group of yield* order.tellApart(Int32Array.from(membersOf({ next }, head)))) {
        if (group.length >= this.#minHolders) this.groups.push(group);
      }
    }
  }

  /** All that is open, as it was read last. */
  *#items(): Generator<number> {
    for (const { id } of this.#scan.tables) {
      const { start, end } = this.#files.spanOf(id);
      for (let item = start; item < end; item++) yield item;
    }
  }
}
