/** What is to be told apart again when some tables were read again: all that is on an inode of theirs. */
import type { OpenFiles } from '../../scan/inode-columns.ts';
import { type Steps, WALK } from '../../scan/steps.ts';
import type { Table } from '../../scan/tables.ts';
import { type OnDrop, splitEventfds } from './inode-buckets.ts';

const BETWEEN_PAUSES = 64;

/**
 * The inodes, by {@link OpenFiles.keyOf}.
 * @param read - the tasks whose tables were read again
 */
export function* touchedBy(
  files: OpenFiles,
  tables: readonly Table[],
  read: ReadonlySet<number>,
  onDrop: OnDrop,
): Steps<Set<number>> {
  const touched = new Set<number>();
  const anew: number[] = [];
  let walked = 0;
  for (const item of files.itemsOf(tables)) {
    if (++walked % WALK === 0) yield;
    if (read.has(files.ids[item] as number)) anew.push(item);
    // What was taken over from a parent that may have changed is read for itself.
    else if (files.origins[item] !== item && read.has(files.ids[files.origins[item] as number] as number)) {
      touched.add(files.keyOf(item));
      files.refresh(item);
      if (anew.push(item) % BETWEEN_PAUSES === 0) yield;
    }
  }
  yield* splitEventfds(files, Int32Array.from(anew), onDrop);
  for (const item of anew) {
    if (++walked % WALK === 0) yield;
    touched.add(files.keyOf(item));
  }
  return touched;
}
