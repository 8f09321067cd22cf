/** Who has which targets, to be compared from one look to the next. */
import type { Links } from '../../scan/link-columns.ts';
import { addTo } from '../../util/multimap.ts';

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
