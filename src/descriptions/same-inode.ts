/** Which descriptors refer to another description of the same inode? A link names it, or device and number do. */
import { type FileStat, statIno } from '../procfs/fd.ts';
import { S_IFBLK, S_IFCHR, S_IFMT } from '../procfs/kind.ts';
import { isAnonymousLink, namesInode } from '../procfs/link.ts';

/**
 * Devices of which every open is a thing of its own, or nothing at all, by major and minor: /dev/null and its like, the
 * task's own terminal, a new terminal, a tunnel, a FUSE server. Source: Documentation/admin-guide/devices.txt.
 */
const OWN_EACH: ReadonlySet<number> = new Set([
  ...[3, 5, 7, 8, 9].map((minor) => (1 << 20) | minor),
  (5 << 20) | 0,
  (5 << 20) | 2,
  (10 << 20) | 200,
  (10 << 20) | 229,
]);

/** Whether it says nothing of two files that they are on one inode. */
export const saysNothing = (link: string | null, { mode, rdev }: FileStat): boolean =>
  isAnonymousLink(link) || ((mode & S_IFMT) === S_IFCHR && OWN_EACH.has(rdev));

/** A task's own terminal and the console, and slaves of pseudoterminals, of which each devpts has others with these numbers. */
const OF_A_PLACE: ReadonlySet<number> = new Set([5, 136]);

/** Whether it is a device that is one and the same by whatever node it is opened: a container has its own nodes. */
export const isOneDevice = ({ mode, rdev }: FileStat): boolean =>
  (mode & S_IFMT) === S_IFBLK || ((mode & S_IFMT) === S_IFCHR && !OF_A_PLACE.has(rdev >>> 20));

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
