/** Who has which targets, to be compared from one look to the next. */
import type { Links } from '../../scan/link-columns.ts';
import type { Steps } from '../../scan/steps.ts';
import { addTo } from '../../util/multimap.ts';
import type { InodeClass } from './inode-classes.ts';

const BETWEEN_PAUSES = 32;

const FDS = 2 ** 31;

/** By task: which of its descriptors are which targets. */
export function holdingsOf({ ids, fds }: Links, items: ReadonlyArray<readonly number[]>): Map<number, Float64Array> {
  const holdings = new Map<number, number[]>();
  for (const [target, found] of items.entries())
    for (const item of found) addTo(holdings, ids[item] as number, target * FDS + (fds[item] as number));
  return new Map([...holdings].map(([id, found]) => [id, Float64Array.from(found).sort()]));
}

const NONE = new Float64Array(0);

export const areEqual = (a: Float64Array = NONE, b: Float64Array = NONE): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);

/**
 * Compares every descriptor of one inode with every target of it, which nothing that moves can mislead.
 * @param before - by place among the targets: what was found in the last look
 * @param found - by target: its items, none as yet
 * @param paired - items that were compared with all these targets before, which need not be done again
 * @param compare - 0 where an item is the target's file; undefined when it could not be compared
 */
export function* matchPairs(
  { targets, items }: InodeClass,
  before: ReadonlyArray<readonly number[]>,
  found: number[][],
  paired: Set<number>,
  compare: (item: number, target: number) => number | undefined,
): Steps<void> {
  const failed = new Set<number>();
  let walks = 0;
  for (const [place, target] of targets.entries()) {
    const same: number[] = [];
    for (const item of items) {
      if (++walks % BETWEEN_PAUSES === 0) yield;
      const order = paired.has(item) ? Number(before[place]?.includes(item) !== true) : compare(item, target);
      if (order === 0) same.push(item);
      else if (order === undefined) failed.add(item);
    }
    if (same.length > 0) found[target] = same;
  }
  for (const item of items) if (!failed.has(item)) paired.add(item);
}
