/** What became of groups from one look to the next: which descriptors left one for another. */
import type { Span } from '../../scan/columns.ts';
import type { OpenFiles } from '../../scan/inode-columns.ts';

const FDS = 2 ** 31;

/** A descriptor by its place, which is the same when its table is listed again. */
export const itemKey = ({ ids, fds }: OpenFiles, item: number): number =>
  (ids[item] as number) * FDS + (fds[item] as number);

/** The task of a key. */
export const idOf = (key: number): number => Math.floor(key / FDS);

/**
 * The keys of items that are in another group than before: of a group that was divided, the smaller part.
 * @param times - by key: how often it moved before, so that the less it counts as a part
 */
export function changedItems(
  files: OpenFiles,
  before: ReadonlyArray<{ items: readonly number[] }>,
  now: readonly (readonly number[])[],
  times: ReadonlyMap<number, number>,
): Set<number> {
  const placeOf = new Map<number, number>();
  for (const [place, { items }] of before.entries()) for (const item of items) placeOf.set(itemKey(files, item), place);
  /** By group of before: which of now has most of it, and how many. */
  const heirs = new Map<number, { heir: number; count: number }>();
  for (const [heir, items] of now.entries()) {
    const counts = new Map<number, number>();
    for (const item of items) {
      const key = itemKey(files, item);
      const place = placeOf.get(key);
      if (place !== undefined) counts.set(place, (counts.get(place) ?? 0) + 1 / (1 + (times.get(key) ?? 0)) ** 2);
    }
    const [place, count] = [...counts].reduce((most, one) => (one[1] > most[1] ? one : most), [-1, 0]);
    if (count > (heirs.get(place)?.count ?? 0)) heirs.set(place, { heir, count });
  }
  const changed = new Set(placeOf.keys());
  for (const [heir, items] of now.entries()) {
    for (const item of items) {
      const key = itemKey(files, item);
      const place = placeOf.get(key);
      if (place !== undefined && heirs.get(place)?.heir === heir) changed.delete(key);
      else changed.add(key);
    }
  }
  return changed;
}

/** Adds the keys of items in which a table differs from what it was when it was listed before, if it was. */
export function addDifferences(files: OpenFiles, before: Span | undefined, id: number, changed: Set<number>): void {
  if (before !== undefined)
    files.differences(before, files.spanOf(id), (item) => void changed.add(itemKey(files, item)));
}
