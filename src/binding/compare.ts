/**
 * kcmp(2) by question: are two descriptors one, is one a target, in which order do they stand? Checked as {@link kcmp} is.
 *
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, kernel/kcmp.c
 */
import { KCMP_EPOLL_TFD, KCMP_FILE, type KcmpResult, TASK_RESOURCE_TYPES, type TaskResource } from './abi.ts';
import { badInt31, badType, badValue, isInt31 } from './arguments.ts';
import type { EpollSlot } from './epoll-slot.ts';
import { kcmpError, unordered } from './explain.ts';
import { compareResource, compareTarget, type FileRef } from './kcmp.ts';
import { readPid, readRef, readSlot } from './read.ts';
import { kcmpRaw } from './syscall.ts';

/** A target of an epoll instance of the task `pid`. */
export interface EpollTargetRef extends EpollSlot {
  /** The task that owns `efd`. */
  pid: number;
}

/** What `Array.prototype.sort` wants of a comparator. */
export type Ordering = -1 | 0 | 1;

/** 0, 1, 2 of the kernel as 0, -1, 1; a negated 0 would be -0, which strict assertions tell from 0. */
const toOrdering = (result: KcmpResult): Ordering => (result === 0 ? 0 : result === 1 ? -1 : 1);

function compareRefs(a: FileRef, b: FileRef): KcmpResult {
  const { pid: pid1, fd: fd1 } = readRef(a, 'a');
  const { pid: pid2, fd: fd2 } = readRef(b, 'b');
  const result = kcmpRaw(pid1, pid2, KCMP_FILE, fd1, fd2);
  if (result < 0) throw kcmpError(result, { pid1, pid2, type: KCMP_FILE, fd1, fd2 });
  return result as KcmpResult;
}

/**
 * `kcmp(a.pid, b.pid, KCMP_FILE, a.fd, b.fd) == 0` — do two descriptors share one open file description,
 * with its offset, status flags and locks?
 *
 * @param a - a descriptor
 * @param b - another one, also of another process
 * @returns true after dup, fork and SCM_RIGHTS; false for a second open of the same file
 * @throws what {@link kcmp} throws for KCMP_FILE
 * @example sameFile({ pid: process.pid, fd: 1 }, { pid: process.ppid, fd: 1 }); // does this process write where its parent does?
 * @since Linux 3.5
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, kernel/kcmp.c
 */
export function sameFile(a: FileRef, b: FileRef): boolean {
  return compareRefs(a, b) === 0;
}

/**
 * `kcmp(a.pid, b.pid, KCMP_FILE, a.fd, b.fd)` — orders two descriptors by their open file description,
 * for `Array.prototype.sort`.
 *
 * The order is total, random, and good until the next boot only.
 *
 * @param a - a descriptor
 * @param b - another one, also of another process
 * @returns 0 for one description, otherwise -1 or 1
 * @throws what {@link kcmp} throws for KCMP_FILE
 * @throws KcmpError `ERR_KCMP_UNORDERED` — the kernel says different, but gives no order
 * @example
 * const fds = [2, 0, 1].map((fd) => ({ pid: process.pid, fd }));
 * fds.sort(compareFiles); // those of one description are neighbours now
 * @since Linux 3.5; transitive since Linux 3.17
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, kernel/kcmp.c
 */
export function compareFiles(a: FileRef, b: FileRef): Ordering {
  const result = compareRefs(a, b);
  if (result === 3) {
    const [first, second] = [readRef(a, 'a'), readRef(b, 'b')];
    throw unordered({ pid1: first.pid, pid2: second.pid, type: KCMP_FILE, fd1: first.fd, fd2: second.fd });
  }
  return toOrdering(result);
}

function compareFileTarget(file: FileRef, target: EpollTargetRef): KcmpResult {
  const { pid, fd } = readRef(file, 'file');
  return compareTarget(pid, fd, readPid(target, 'target'), target, 'target');
}

/**
 * `kcmp(file.pid, target.pid, KCMP_EPOLL_TFD, file.fd, &slot) == 0` — is this descriptor's file the one
 * that a target of an epoll instance watches?
 *
 * @param file - a descriptor of any process
 * @param target - the target: `efd` is a descriptor of `target.pid`, `tfd` the number it was registered
 *   under, `toff` its place among the targets with that number
 * @returns true for that very file; false for another description, also of the same inode
 * @throws what {@link kcmp} throws for KCMP_EPOLL_TFD; `ENOENT` when there is no such target, never false
 * @example
 * const { pid } = process;
 * const [efd = -1] = listEpolls(pid);
 * for (const { tfd } of readEpoll(pid, efd)) isEpollTarget({ pid, fd: tfd }, { pid, efd, tfd }); // false: its number was reused
 * @since Linux 4.13
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, kernel/kcmp.c, get_epoll_tfile_raw_ptr() in fs/eventpoll.c
 */
export function isEpollTarget(file: FileRef, target: EpollTargetRef): boolean {
  return compareFileTarget(file, target) === 0;
}

/**
 * `kcmp(file.pid, target.pid, KCMP_EPOLL_TFD, file.fd, &slot)` — orders a descriptor's file against a
 * target's, in the order of {@link compareFiles}, so that a sorted list of descriptors can be searched.
 *
 * @param file - a descriptor of any process
 * @param target - as for {@link isEpollTarget}
 * @returns 0 for the same file, otherwise -1 or 1
 * @throws what {@link kcmp} throws for KCMP_EPOLL_TFD, and KcmpError `ERR_KCMP_UNORDERED`
 * @example
 * const { pid } = process;
 * const [efd = -1] = listEpolls(pid);
 * for (const { tfd } of readEpoll(pid, efd)) compareEpollTarget({ pid, fd: 0 }, { pid, efd, tfd }); // 0: this is stdin
 * @since Linux 4.13
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, kernel/kcmp.c
 */
export function compareEpollTarget(file: FileRef, target: EpollTargetRef): Ordering {
  const result = compareFileTarget(file, target);
  if (result === 3) {
    const { pid: pid1, fd: fd1 } = readRef(file, 'file');
    const slot = readSlot(target, 'target');
    throw unordered({ pid1, pid2: readPid(target, 'target'), type: KCMP_EPOLL_TFD, fd1, slot });
  }
  return toOrdering(result);
}

/**
 * `kcmp(pid1, pid2, KCMP_VM …)` — do two tasks share this resource?
 *
 * 0 does not prove sharing where both have none: two tasks without an I/O context or undo list, two
 * kernel threads without an address space, two zombies. {@link taskSharing} tells these apart.
 *
 * @param pid1 - a task, threads included, 0 … 2^31−1 (0 names none)
 * @param pid2 - another one, 0 … 2^31−1
 * @param resource - 'vm', 'files', 'fs', 'sighand', 'io' or 'sysvsem'
 * @returns 0 for the same, otherwise -1 or 1; a different order for every resource
 * @throws TypeError `ERR_INVALID_ARG_VALUE` — an unknown resource; `ERR_INVALID_ARG_TYPE` — no string
 * @throws what {@link kcmp} throws for that type, and KcmpError `ERR_KCMP_UNORDERED`
 * @example compareTasks(process.pid, process.ppid, 'vm') === 0; // after vfork, or of two threads
 * @since Linux 3.5
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, kernel/kcmp.c
 */
export function compareTasks(pid1: number, pid2: number, resource: TaskResource): Ordering {
  if (!isInt31(pid1)) throw badInt31('pid1', pid1);
  if (!isInt31(pid2)) throw badInt31('pid2', pid2);
  const type = TASK_RESOURCE_TYPES.get(resource);
  if (type === undefined) {
    throw typeof resource === 'string'
      ? badValue('resource', `one of ${[...TASK_RESOURCE_TYPES.keys()].join(', ')}`, resource)
      : badType('resource', 'of type string', resource);
  }
  const result = compareResource(pid1, pid2, type, undefined, undefined);
  if (result === 3) throw unordered({ pid1, pid2, type });
  return toOrdering(result);
}
