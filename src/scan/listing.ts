/**
 * Which descriptors a task has open, and which numbers are counted that no list names.
 *
 *   ours       whoever looks at its own table finds in it what it opened for that
 *   reserved   accept(2) and open(2) take a number before they wait, with nothing open under it yet
 *
 * Source: get_unused_fd_flags() of fs/file.c.
 */
import { KCMP_FILE } from '../binding/abi.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { listDescriptors, readLink } from '../procfs/fd.ts';
import { countKept, isKept } from '../procfs/raw/fd-directory.ts';
import { listTasks } from '../procfs/processes.ts';
import { countOpen, listNumbers } from '../procfs/raw/fd-listing.ts';
import { hasReserved } from '../procfs/raw/syscall.ts';
import { PROC } from '../procfs/root.ts';
import { isStuckInExec } from './busy.ts';
import { hasRested, type Rest } from './rest.ts';
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

/** Of more threads it is not asked what they do. */
const MOST = 1024;

/** A task's descriptors as they were listed, and how it was with its process before. */
interface Listed {
  id: number;
  pid: number;
  fds: readonly number[];
  rest: Rest | undefined;
}

/**
 * Whether a list has all that is counted, but for numbers that are reserved: by whoever waits in a call that does so, or,
 * where another has the table as well, or waits in a way that tells nothing, by all being as it was once more.
 */
export function* isWholeList(
  { id, pid, fds, rest }: Listed,
  list: (id: number) => Steps<number[] | string>,
): Steps<boolean> {
  const count = countOpen(id);
  const more = count - fds.length - countOurs(id);
  if (count === 0 || more === 0 || (yield* haveReserved(id, pid, more))) return true;
  if (more < 0 || !hasRested(pid, rest)) return false;
  const again = yield* list(id);
  const isSame = typeof again !== 'string' && again.length === fds.length && again.every((fd, i) => fd === fds[i]);
  return isSame && countOpen(id) === count && hasRested(pid, rest);
}

/** Whether those who use a table have reserved so many numbers of it, as far as they may be asked. */
function* haveReserved(id: number, pid: number, count: number): Steps<boolean> {
  const tasks = id === pid ? listTasks(pid) : [id];
  if (count < 1 || typeof tasks === 'string' || tasks.length > MOST || (yield* isStuckInExec(pid))) return false;
  let left = count;
  for (const tid of tasks) {
    if (hasReserved(tid) && --left === 0) return true;
    yield;
  }
  return false;
}
