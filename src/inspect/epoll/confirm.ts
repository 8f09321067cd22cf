/**
 * Whether every holder still is the target's file, and nobody that of a target without: an item that comes and goes
 * under the same number shifts `toff`, so that for a moment one stands for the other.
 */
import { refAt } from '../../scan/columns.ts';
import type { Links } from '../../scan/link-columns.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Table } from '../../scan/tables.ts';
import { Candidates, type Inodes } from './inode-classes.ts';
import type { OpenTarget } from './targets.ts';
import type { Walks } from './walks.ts';

/** So many steps of the kernel through the items of an instance it may take: a second at most. */
const FEW_STEPS = 100_000_000;
/** So many targets are compared between two readings of a list. */
const FEW = 64;

/**
 * @param found - targets, and the items that were found to be their files
 * @param inodes - read since they were found
 * @param count - how many targets the instance has
 * @returns false also when that would take too long
 */
export function* confirms(
  found: ReadonlyArray<{ target: OpenTarget; items: readonly number[] }>,
  inodes: Inodes,
  tables: readonly Table[],
  walks: Walks,
  count: number,
): Steps<boolean> {
  const { links, instances } = inodes;
  let left = FEW_STEPS / count / instances;
  for (const { target, items } of found) {
    for (const item of items) {
      if (--left < 0 || !walks.isFile(refAt(links, item), target)) return false;
      yield* walks.rest();
    }
  }
  const missing = found.filter(({ items }) => items.length === 0).map(({ target }) => target);
  if (missing.length === 0) return true;
  const candidates = new Candidates(inodes, missing);
  const nothing = missing.map(() => []);
  for (const { targets, items } of yield* candidates.open(tables, nothing)) {
    for (const place of targets) {
      for (const item of items) {
        if (--left < 0 || walks.isFile(refAt(links, item), missing[place] as OpenTarget)) return false;
        yield* walks.rest();
      }
    }
  }
  return true;
}

/**
 * Whether some of the targets still are where they were found: of many others each time.
 * @param items - by target: what was found to be its file
 * @param time - how often this was asked before
 */
export function agree(
  targets: readonly OpenTarget[],
  items: readonly number[][],
  links: Links,
  walks: Walks,
  time: number,
): boolean {
  const { length } = targets;
  for (let i = 0; i < Math.min(FEW, length); i++) {
    const place = (time * FEW + i) % length;
    const item = items[place]?.[0];
    if (item !== undefined && !walks.isFile(refAt(links, item), targets[place] as OpenTarget)) return false;
  }
  return true;
}
