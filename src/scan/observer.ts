/** Whoever looks at its own table finds in it what it opened for that. */
import { KCMP_FILE } from '../binding/abi.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { listDescriptors, readLink } from '../procfs/fd.ts';
import { countKept, isKept } from '../procfs/raw/fd-directory.ts';
import { listNumbers } from '../procfs/raw/fd-listing.ts';
import { PROC } from '../procfs/root.ts';
import type { Steps } from './steps.ts';

/** Is this what is open here under the same number, in order to look? Where kcmp cannot tell, by the link, which names the file of one task. */
export function isOurs(id: number, fd: number): boolean {
  if (!isKept(fd)) return false;
  const result = kcmpRaw(process.pid, id, KCMP_FILE, fd, fd);
  if (result >= 0) return result === 0;
  const link = readLink(id, fd);
  return link?.startsWith(`${PROC}/`) === true && link === readLink(process.pid, fd);
}

/** How many descriptors of a task's table are open here in order to look: none of another process'. */
export const countOurs = (id: number): number => (id === process.pid ? countKept() : 0);

/** The descriptors of a task as fast as they can be listed, or the errno's name. */
export function* listOpen(id: number): Steps<number[] | string> {
  const fds = yield* listNumbers(id);
  if (fds === undefined) return listDescriptors(id);
  return typeof fds === 'number' ? 'EACCES' : fds.filter((fd) => !isOurs(id, fd));
}
