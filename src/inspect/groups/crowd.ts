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
