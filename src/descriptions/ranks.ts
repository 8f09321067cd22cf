/**
 * Sorts once more what was sorted before, which takes each of those that held still one comparison instead of a dozen. On a
 * machine with many processes that is what all of them have, as /dev/null, each time that one of them has run meanwhile.
 *
 * What is new, or was listed anew since its process ran, is sorted by itself and then merged into the others: it may move
 * now as well, and so brings nothing of them out of order.
 */
import type { Steps } from '../scan/steps.ts';
import { type Compare, groupBy, type Groups, mergeRuns } from '../util/merge-sort.ts';

/**
 * @param items - distinct whole numbers
 * @param ranks - by item: where its group stood last time, from 1 on, or 0 where it was not there; told anew
 * @param next - a chain per item
 */
export function* sortByRank(items: Int32Array, ranks: Int32Array, compare: Compare, next: Int32Array): Steps<Groups> {
  const rankOf = (item: number): number => ranks[item] as number;
  const known = items.filter((item) => rankOf(item) > 0).sort((a, b) => rankOf(a) - rankOf(b));
  const others = known.length === 0 ? items : items.filter((item) => rankOf(item) === 0);
  const head = (yield* groupBy(known, compare, next, true)).leaders;
  const tail = (yield* groupBy(others, compare, next)).leaders;
  const both = new Int32Array(head.length + tail.length);
  both.set(head);
  both.set(tail, head.length);
  const { leaders } = yield* mergeRuns(both, Int32Array.of(head.length, tail.length), compare, next);
  for (const [i, leader] of leaders.entries())
    for (let item = leader; item !== -1; item = next[item] as number) ranks[item] = i + 1;
  return { leaders, next };
}
