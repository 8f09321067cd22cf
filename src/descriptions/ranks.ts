/**
 * Sorts once more what was sorted before, which takes each of those that held still one comparison instead of a dozen. On a
 * machine with many processes that is what all of them have, as /dev/null, each time that one of them has run meanwhile.
 *
 *   known   sorted before, and not listed since   ── compared with their neighbours of then
 *   anew    whose process ran since               ── sorted by themselves: they may move now as well, and so bring nothing
 *                                                    of the known out of order
 *   others  where only some are asked about       ── looked up among the known, then among all; not told from one another
 */
import type { Steps } from '../scan/steps.ts';
import { type Compare, groupBy, type Groups, join, mergeRuns, search } from '../util/merge-sort.ts';

const BETWEEN_PAUSES = 64;
const ITEMS = 2 ** 31;

/**
 * @param items - distinct whole numbers
 * @param ranks - by item: where its group stood last time, from 1 on, or 0 where it was not there; told anew
 * @param next - a chain per item
 * @param isAsked - whether an item's group is wanted; by default each is
 * @returns the groups that are wanted
 */
export function* sortByRank(
  items: Int32Array,
  ranks: Int32Array,
  compare: Compare,
  next: Int32Array,
  isAsked: (item: number) => boolean = () => true,
): Steps<Groups> {
  const asked = items.filter(isAsked);
  const anew = asked.filter((item) => ranks[item] === 0);
  const known = asked.filter((item) => ranks[item] !== 0);
  const head = (yield* groupBy(inOrder(known, ranks), compare, next, true)).leaders;
  const tail = (yield* groupBy(anew, compare, next)).leaders;
  const others = items.filter((item) => !isAsked(item));
  const left = yield* lookUp(others, head, ranks, compare, next);
  const both = new Int32Array(head.length + tail.length);
  both.set(head);
  both.set(tail, head.length);
  const { leaders } = yield* mergeRuns(both, Int32Array.of(head.length, tail.length), compare, next);
  if (tail.length > 0) yield* lookUp(left, leaders, ranks, compare, next);
  for (const [i, leader] of leaders.entries())
    for (let item = leader; item !== -1; item = next[item] as number) ranks[item] = i + 1;
  return { leaders, next };
}

function inOrder(items: Int32Array, ranks: Int32Array): Int32Array {
  const keys = Float64Array.from(items, (item) => (ranks[item] as number) * ITEMS + item).sort(); // by numbers, natively
  return Int32Array.from(keys, (key) => key % ITEMS);
}

/** Joins each of the others to its like, if there is one; returns those that have none. */
function* lookUp(
  others: Int32Array,
  leaders: Int32Array,
  ranks: Int32Array,
  compare: Compare,
  next: Int32Array,
): Steps<Int32Array> {
  const left: number[] = [];
  for (const [i, item] of others.entries()) {
    if (i % BETWEEN_PAUSES === 0) yield;
    next[item] = -1;
    const place = searchNear(leaders, (leader) => compare(leader, item), (ranks[item] as number) - 1);
    if (place >= 0) join(next, leaders[place] as number, item);
    else {
      ranks[item] = -place; // the rank of the one that it stands before
      left.push(item);
    }
  }
  return Int32Array.from(left);
}

/** As {@link search}; looked for first beside the place where it stood last time. */
function searchNear(sorted: Int32Array, probe: (item: number) => number, last: number): number {
  const { length } = sorted;
  if (last >= 0 && last <= length) {
    const [start, end] = [Math.max(0, last - 1), Math.min(length, last + 1)];
    const place = search(sorted, probe, start, end);
    const between = -1 - place;
    if (place >= 0 || ((between > start || start === 0) && (between < end || end === length))) return place;
  }
  return search(sorted, probe);
}
