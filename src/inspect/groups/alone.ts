/** Is a descriptor a description of its own, or did it move while it was compared with others of its inode? */
import { kcmpItems } from '../../scan/columns.ts';
import type { OpenFiles } from '../../scan/inode-columns.ts';
import { addTo } from '../../util/multimap.ts';

/** So often it is looked at, each time in a few microseconds, in which hardly anything becomes another file. */
const TIMES = 4;
/** Of more on one inode it is not asked. */
const FEW = 100;

/** @param groups - all that are known, of which some may be on the inode of the item that is asked about */
export function aloneAmong(
  files: OpenFiles,
  groups: ReadonlyArray<{ items: readonly number[] }>,
): (item: number) => boolean {
  let leaders: Map<number, number[]> | undefined;
  return (item) => {
    if (leaders === undefined) {
      leaders = new Map();
      for (const { items } of groups) addTo(leaders, files.keyOf(items[0] as number), items[0] as number);
    }
    const others = (leaders.get(files.keyOf(item)) ?? []).filter((leader) => leader !== item);
    if (others.length === 0 || others.length > FEW) return true;
    for (let time = 0; time < TIMES; time++)
      for (const other of others) if (!files.isOnInode(item) || kcmpItems(files, item, other) <= 0) return false;
    return true;
  };
}
