/** Which descriptors refer to another description of the same inode? A link names it, or device and number do. */
import { type FileStat, statIno } from '../procfs/fd.ts';
import { isAnonymousLink, namesInode } from '../procfs/link.ts';

/** Whether a descriptor is on the inode that this link and this number belong to; never for what shares the anonymous inode. */
export function onInode(
  link: string | null,
  { dev, ino }: FileStat,
): (pid: number, fd: number, other: string | null) => boolean {
  return (pid, fd, other) => {
    if (isAnonymousLink(other)) return false;
    if (namesInode(other) || namesInode(link)) return other === link;
    const stat = statIno(pid, fd);
    return typeof stat !== 'string' && stat.ino === ino && stat.dev === dev;
  };
}
