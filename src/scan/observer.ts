/** Whoever looks at its own table finds in it what it opened for that. */
import { KCMP_FILE } from '../binding/abi.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { readLink } from '../procfs/fd.ts';
import { PROC } from '../procfs/root.ts';

/** Is this what is open under the same number here? Where kcmp cannot tell, by the link, which names the file of one task. */
export function isOurs(id: number, fd: number): boolean {
  const result = kcmpRaw(process.pid, id, KCMP_FILE, fd, fd);
  if (result >= 0) return result === 0;
  const link = readLink(id, fd);
  return link?.startsWith(`${PROC}/`) === true && link === readLink(process.pid, fd);
}
