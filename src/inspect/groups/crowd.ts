/** What a whole machine has open, as /dev/null: nobody wants to know of it which of the others are one. */
import { saysNothing } from '../../descriptions/same-inode.ts';
import { readLink, statIno } from '../../procfs/fd.ts';
import { refAt } from '../../scan/columns.ts';
import type { OpenFiles } from '../../scan/inode-columns.ts';

/** So few are told apart in less time than it takes to ask what they are. */
const FEW = 100;

/**
 * Which of the items of one inode are asked about, where the others matter only as far as they are one with these: what
 * is on such an inode has nothing in common. Undefined where all matter.
 * @param isSought - tells it of an item, which may stand for others
 */
export function soughtIn(
  files: OpenFiles,
  items: Int32Array,
  isSought: OpenFiles['isSought'] = files.isSought,
): OpenFiles['isSought'] {
  if (isSought === undefined || items.length <= FEW) return undefined;
  const item = items.find(isSought);
  if (item === undefined) return undefined;
  const { pid, fd } = refAt(files, item);
  const stat = statIno(pid, fd);
  if (typeof stat === 'string' || !saysNothing(readLink(pid, fd), stat)) return undefined;
  return files.modeOf(item, stat) === undefined ? undefined : isSought;
}

/**
 * What of the items of one inode is to be looked at again, where those that are asked about hold still: then they cannot
 * lead astray who is looked up among them, and whoever holds still himself is none of them, or was told to be. Undefined
 * where all is.
 * @param open - the tasks whose tables may have changed
 * @param again - what was one with others, or could not be compared
 */
export function movedIn(
  files: OpenFiles,
  items: Int32Array,
  isSought: OpenFiles['isSought'],
  open: ReadonlySet<number>,
  again: ReadonlySet<number>,
): Int32Array | undefined {
  if (isSought === undefined) return undefined;
  const isOpen = (item: number): boolean => open.has(files.ids[item] as number);
  if (items.some((item) => isOpen(item) && isSought(item))) return undefined;
  return items.filter((item) => isSought(item) || isOpen(item) || again.has(item));
}
