/**
 * Groups descriptors as if nothing moved: the fast way. What a child has from its parent under the same number was told
 * by one comparison when it was read, two of one inode take one, and only what is left of an inode is sorted.
 */
import { refusalCode } from '../../binding/explain.ts';
import { errnoName } from '../../binding/errors.ts';
import { DescriptionOrder } from '../../descriptions/order.ts';
import { areOneSocket, isPlainSocket } from '../../descriptions/without-kcmp.ts';
import { kcmpItems, refAt } from '../../scan/columns.ts';
import type { OpenFiles } from '../../scan/inode-columns.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Table } from '../../scan/tables.ts';
import { membersOf } from '../../util/merge-sort.ts';
import { soughtIn } from './crowd.ts';
import { gather, type OnDrop, splitEventfds } from './inode-buckets.ts';
import { ERRNO } from '../../util/errno.ts';

const { ENOENT } = ERRNO;
const BETWEEN_PAUSES = 256;

/** Items that stand for others, told alike by a comparison of their own: by item the next one, or -1. */
type Alike = Int32Array;

/** Groups of at least so many items, one a description. */
export function* groupStill(
  files: OpenFiles,
  tables: readonly Table[],
  minHolders: number,
  onDrop: OnDrop,
): Steps<number[][]> {
  const alike = new Int32Array(files.length).fill(-1);
  const items = yield* distinct(files, tables, alike, onDrop);
  yield* splitEventfds(files, items, onDrop);
  const { heads, next } = yield* gather(files, items);
  const order = new DescriptionOrder(files.length, (a, b) => kcmpItems(files, a, b), onDrop, files.ranks);
  const groups: number[][] = [];
  const isSought = files.isSought && anyOf(alike, files.isSought);
  const add = (leader: number, chain: Int32Array | null): void => {
    if (chain === null && minHolders > 1 && alike[leader] === -1) return;
    const members = withAlike(files, leader, chain, alike);
    if (members.length >= minHolders) groups.push(members);
  };
  for (const [i, head] of heads.entries()) {
    if (i % BETWEEN_PAUSES === 0) yield i / heads.length;
    const second = next[head] as number;
    if (second === -1) add(head, null);
    else if (next[second] === -1) addPair(order.compare(head, second), head, second, next, add);
    else {
      const members = Int32Array.from(membersOf({ next }, head));
      const sorted = yield* order.sort(members, soughtIn(files, members, isSought));
      for (const [j, leader] of sorted.leaders.entries()) {
        if (j % BETWEEN_PAUSES === 0) yield;
        add(leader, sorted.next);
      }
    }
  }
  return groups;
}

/** Whether it is true of any of those that an item stands for. */
function anyOf(alike: Alike, isTrue: (item: number) => boolean): (item: number) => boolean {
  return (item) => {
    for (let same = item; same !== -1; same = alike[same] as number) if (isTrue(same)) return true;
    return false;
  };
}

function addPair(
  result: number,
  a: number,
  b: number,
  next: Int32Array,
  add: (leader: number, chain: Int32Array | null) => void,
): void {
  add(a, result === 0 ? next : null);
  if (result !== 0) add(b, null);
}

function withAlike(files: OpenFiles, leader: number, chain: Int32Array | null, alike: Alike): number[] {
  const members: number[] = [];
  for (let item = leader; item !== -1; item = chain === null ? -1 : (chain[item] as number)) {
    for (let same = item; same !== -1; same = alike[same] as number) {
      members.push(same);
      // The ids of eventfds were read of those only that stand for others.
      files.inos[same] = files.inos[item] as number;
      files.devs[same] = files.devs[item] as number;
      files.ranks[same] = files.ranks[item] as number;
    }
  }
  return members;
}

/** What is left to be told apart: all but those that a second look confirms to be what a parent had under their number. */
function* distinct(files: OpenFiles, tables: readonly Table[], alike: Alike, onDrop: OnDrop): Steps<Int32Array> {
  const items = new Int32Array(files.length);
  // The table of an origin may have been dropped as shared; then the first that had the same stands for it.
  const standIns = new Int32Array(files.length).fill(-1);
  let count = 0;
  for (const { id } of tables) {
    const { start, end } = files.spanOf(id);
    for (let item = start; item < end; item++) {
      if (item % BETWEEN_PAUSES === 0) yield;
      if (files.leavesOut(item)) continue;
      const origin = files.origins[item] as number;
      const standIn = standIns[origin] as number;
      if (standIn === -1) standIns[origin] = item;
      else if ((files.inos[standIn] as number) >= 0 && kcmpItems(files, standIn, item) === 0) {
        alike[item] = alike[standIn] as number;
        alike[standIn] = item;
        continue;
      } else files.refresh(item);
      if (isReadable(files, item, onDrop)) items[count++] = item;
    }
    yield;
  }
  return items.subarray(0, count);
}

/** Whether there is an inode to gather an item by, and a reason to. */
export function isReadable(files: OpenFiles, item: number, onDrop: OnDrop): boolean {
  if (files.leavesOut(item)) return false;
  const ino = files.inos[item] as number;
  if (ino < 0) onDrop(item, ino === -ENOENT ? 'EBADF' : errnoName(ino));
  return ino >= 0;
}

/** Without kcmp only sockets can be told, since one inode of theirs is one description. */
export function* groupSockets(
  files: OpenFiles,
  tables: readonly Table[],
  minHolders: number,
  onDrop: OnDrop,
): Steps<number[][]> {
  const groups: number[][] = [];
  const items = yield* distinct(files, tables, new Int32Array(files.length).fill(-1), onDrop);
  const { heads, next } = yield* gather(files, items);
  const code = refusalCode();
  for (const head of heads) {
    const members = membersOf({ next }, head);
    if (members.length < 2 && minHolders > 1) continue;
    const known = members.length === 1 ? members : yield* socketsOf(files, members);
    if (known.length > 0 && known.length >= minHolders) groups.push(known);
    const isKnown = new Set(known);
    for (const item of members) {
      if (!isKnown.has(item)) onDrop(item, code);
      yield;
    }
  }
  return groups;
}

/** Those of one inode that are its socket, all at one moment; none where that cannot be seen. */
function* socketsOf(files: OpenFiles, items: readonly number[]): Steps<number[]> {
  const plain: number[] = [];
  for (const item of items) {
    if (isPlainSocket(refAt(files, item))) plain.push(item);
    yield;
  }
  return plain.length < 2 || (yield* areOneSocket(plain.map((item) => refAt(files, item)))) ? plain : [];
}
