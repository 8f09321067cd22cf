/** Which descriptors refer to another description of the same inode? A link names it, or device and number do. */
import { type FileStat, statIno } from '../procfs/fd.ts';
import { S_IFCHR, S_IFMT } from '../procfs/kind.ts';
import { isAnonymousLink, namesInode } from '../procfs/link.ts';

/** Devices by their major number, from Documentation/admin-guide/devices.txt. */
const MEMORY = 1;
const [TTY, PTMX] = [5 << 20, (5 << 20) | 2];

/**
 * Whether two descriptions have nothing to do with one another although they are on one inode: each open of /dev/ptmx is
 * another pty, and /dev/null and its like are everybody's.
 */
export const saysNothing = ({ mode, rdev }: FileStat): boolean =>
  (mode & S_IFMT) === S_IFCHR && (rdev >>> 20 === MEMORY || rdev === TTY || rdev === PTMX);

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
