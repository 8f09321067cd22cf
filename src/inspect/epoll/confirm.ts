/**
 * Whether every holder still is the target's file, and nobody that of a target without: an item that comes and goes
 * under the same number shifts `toff`, so that for a moment one stands for the other.
 */
import type { FileRef } from '../../binding/kcmp.ts';
import { refAt } from '../../scan/columns.ts';
import type { Links } from '../../scan/link-columns.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Table } from '../../scan/tables.ts';
import { Candidates } from './inode-classes.ts';
import type { EpollTarget } from './targets.ts';

/** @param found - targets, and the items that were found to be their files */
export function* confirms(
  found: ReadonlyArray<{ target: EpollTarget; items: readonly number[] }>,
  links: Links,
  tables: readonly Table[],
  isFile: (ref: FileRef, target: EpollTarget) => boolean,
): Steps<boolean> {
  for (const { target, items } of found) {
    if (!items.every((item) => isFile(refAt(links, item), target))) return false;
    yield;
  }
  const missing = found.filter(({ items }) => items.length === 0).map(({ target }) => target);
  if (missing.length === 0) return true;
  const candidates = new Candidates(links, missing);
  const nothing = missing.map(() => []);
  for (const { targets, items } of yield* candidates.open(tables, nothing)) {
    for (const place of targets) {
      if (items.some((item) => isFile(refAt(links, item), missing[place] as EpollTarget))) return false;
      yield;
    }
  }
  return true;
}
