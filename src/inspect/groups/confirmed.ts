/**
 * Gathers what may move, quickly. One that is two files by turns equals two that never equal one another, each at its moment;
 * so who meets in a group of somebody who may move is compared with others of it as well.
 */
import type { DescriptionOrder } from '../../descriptions/order.ts';
import type { OpenFiles } from '../../scan/inode-columns.ts';
import type { Steps } from '../../scan/steps.ts';

/**
 * @param isSought - whose groups are wanted; undefined: all
 * @param open - the tasks whose tables may have changed
 */
export function* confirmed(
  order: DescriptionOrder,
  items: Int32Array,
  isSought: OpenFiles['isSought'],
  { ids }: OpenFiles,
  open: ReadonlySet<number>,
): Steps<number[][]> {
  const groups: number[][] = [];
  for (const group of yield* order.gather(items, isSought)) {
    const isSure = group.length < 3 || !group.some((item) => open.has(ids[item] as number)) || isOne(order, group);
    groups.push(...(isSure ? [group] : yield* order.tellApart(Int32Array.from(group))));
  }
  return groups;
}

/** Whether each is the same as the two before it: who leads others astray is not between all of them. */
const isOne = ({ compare }: DescriptionOrder, group: readonly number[]): boolean =>
  group.every((item, i) => [1, 2].every((back) => back > i || compare(group[i - back] as number, item) === 0));
