/**
 * Are two descriptors one open file description? Answered by kcmp(2), and where that is blocked, missing or
 * refused, by whatever else is exact; what nothing decides stays unknown.
 */
import { KCMP_FILE } from '../binding/abi.ts';
import { errnoName } from '../binding/errors.ts';
import { accessTo, isBlocked, kcmpError } from '../binding/explain.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { readRef } from '../binding/read.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { type FileIdentity, identifyWithoutKcmp } from '../descriptions/without-kcmp.ts';
import { refusalReason } from '../scan/reason.ts';
import { finish } from '../scan/steps.ts';
import { requireComparable } from '../scan/subject.ts';
import { ERRNO } from '../util/errno.ts';

const { EBADF, EPERM, ESRCH } = ERRNO;

/** Why kcmp(2) gave no answer: a filter, the kernel, or the tasks that it refused. */
function whyNot(result: number, a: FileRef, b: FileRef): string {
  const code = errnoName(result);
  if (result !== -EPERM || isBlocked()) return refusalReason(code, a.pid);
  const refused = [...new Set([a.pid, b.pid])].filter((pid) => accessTo(pid) === -EPERM);
  return refused.map((pid) => `pid ${pid} may not be inspected: ${refusalReason(code, pid)}`).join('; ') || code;
}

/**
 * `kcmp(a.pid, b.pid, KCMP_FILE, a.fd, b.fd)` — are two descriptors one open file description, and by which
 * means is that known?
 *
 * Where kcmp(2) is blocked by a filter, missing, or refused for one of the processes, what is exact decides:
 * for two of one's own descriptors `fcntl(F_DUPFD_QUERY)` (Linux 6.10); a descriptor is itself; different
 * inodes are different descriptions; one socket inode is one description. Everything else is `unknown`.
 * Under a filter that kills, it kills: ask {@link probe} with `isolated` before.
 *
 * @param a - a descriptor
 * @param b - another one, also of another process
 * @returns the relation, the means, and for `unknown` the reason
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` — a bad argument
 * @throws KcmpError `EBADF` — a descriptor is not open
 * @throws KcmpError `ESRCH` — no such task
 * @throws Error `EBUSY` — a process is in an exec that does not end, for which kcmp(2) would wait
 * @throws Error `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`, `ERR_KOFFI_UNAVAILABLE`
 * @example identifyFiles({ pid: process.pid, fd: 1 }, { pid: process.pid, fd: 2 }).relation; // also where kcmp is blocked
 * @since Linux 3.5, and without kcmp
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, kernel/kcmp.c, fcntl(2), proc(5)
 */
export function identifyFiles(a: FileRef, b: FileRef): FileIdentity {
  const first = readRef(a, 'a');
  const second = readRef(b, 'b');
  for (const { pid } of [first, second]) if (pid !== process.pid) finish({ steps: requireComparable(pid) });
  const result = kcmpRaw(first.pid, second.pid, KCMP_FILE, first.fd, second.fd);
  if (result >= 0) return { relation: result === 0 ? 'same' : 'different', via: 'kcmp' };
  if (result === -EBADF || result === -ESRCH) {
    throw kcmpError(result, { pid1: first.pid, pid2: second.pid, type: KCMP_FILE, fd1: first.fd, fd2: second.fd });
  }
  return identifyWithoutKcmp(first, second, whyNot(result, first, second));
}
