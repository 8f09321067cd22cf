/**
 * The typed facade of kcmp(2): arguments are checked here, once; below nothing is checked again.
 *
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, kernel/kcmp.c
 */
import {
  KCMP_EPOLL_TFD,
  KCMP_FILE,
  KCMP_SYSVSEM,
  KCMP_VM,
  TASK_RESOURCE_TYPES,
  type KcmpResult,
  type KcmpType,
  type TaskResource,
} from './abi.ts';
import { badInt31, badInt32, badSlot, badType, badU32, badValue, isInt31, isInt32, isU32 } from './errors.ts';
import { kcmpError, unordered } from './explain.ts';
import type { EpollSlot } from './layout.ts';
import { kcmpEpollRaw, kcmpRaw } from './syscall.ts';

/** A descriptor of a process. */
export interface FileRef {
  /** A task, as this pid namespace numbers it: 1 … 2^31−1. */
  pid: number;
  /** A descriptor number of that task: 0 … 2^31−1. */
  fd: number;
}

/** A target of an epoll instance of the task `pid`. */
export interface EpollTargetRef extends EpollSlot {
  /** The task that owns `efd`. */
  pid: number;
}

/** What `Array.prototype.sort` wants of a comparator. */
export type Ordering = -1 | 0 | 1;

const REF = 'an object { pid, fd }';
const TARGET = 'an object { pid, efd, tfd, toff? }';

/**
 * `kcmp(pid1, pid2, KCMP_FILE, fd1, fd2)` — do two descriptors refer to the same open file description?
 *
 * The system call and nothing else. The other forms compare a descriptor with a target of
 * an epoll instance of `pid2`, and a resource of two whole tasks.
 *
 * @param pid1, pid2 - tasks, 0 … 2^31−1 (0 names none)
 * @param type - one of the KCMP_ constants; any other signed 32-bit integer is left to the kernel to judge
 * @param fd1, fd2 - descriptors, 0 … 2^31−1
 * @param slot - the target, with `efd` a descriptor of `pid2`
 * @returns 0 same, 1 the first orders before the second, 2 after it, 3 different without an order.
 *   Two tasks that both lack a resource compare as same.
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` — a bad argument; an index that the type does not take
 * @throws KcmpError `ESRCH` — no such task
 * @throws KcmpError `EPERM` — a task may not be inspected (PTRACE_MODE_READ_REALCREDS), or a seccomp filter blocks the call
 * @throws KcmpError `EBADF` — `fd1`, `fd2` or `slot.efd` is not open, or its task is a zombie
 * @throws KcmpError `EINVAL` — unknown type, or `slot.efd` is no epoll instance
 * @throws KcmpError `ENOENT` — the epoll instance has no such target
 * @throws KcmpError `EOPNOTSUPP` — kernel without epoll or System V semaphores
 * @throws KcmpError `ENOSYS` — kernel without kcmp
 * @throws Error `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`, `ERR_KOFFI_UNAVAILABLE` — on the first call
 * @since Linux 3.5; KCMP_EPOLL_TFD since Linux 4.13
 * @see kernel/kcmp.c
 */
export function kcmp(pid1: number, pid2: number, type: typeof KCMP_FILE, fd1: number, fd2: number): KcmpResult;
export function kcmp(pid1: number, pid2: number, type: typeof KCMP_EPOLL_TFD, fd1: number, slot: EpollSlot): KcmpResult;
export function kcmp(pid1: number, pid2: number, type: 1 | 2 | 3 | 4 | 5 | 6): KcmpResult;
export function kcmp(pid1: number, pid2: number, type: KcmpType, fd1?: number, index2?: number | EpollSlot): KcmpResult {
  if (!isInt31(pid1)) throw badInt31('pid1', pid1);
  if (!isInt31(pid2)) throw badInt31('pid2', pid2);
  if (type === KCMP_FILE) {
    if (!isInt31(fd1)) throw badInt31('fd1', fd1);
    if (!isInt31(index2)) throw badInt31('fd2', index2);
    const result = kcmpRaw(pid1, pid2, KCMP_FILE, fd1, index2);
    if (result < 0) throw kcmpError(result, { pid1, pid2, type, fd1, fd2: index2 });
    return result as KcmpResult;
  }
  if (type === KCMP_EPOLL_TFD) {
    if (!isInt31(fd1)) throw badInt31('fd1', fd1);
    if (typeof index2 !== 'object' || index2 === null) throw badSlot('slot', index2);
    return compareTarget(pid1, fd1, pid2, index2, 'slot');
  }
  if (!isInt32(type)) throw badInt32('type', type);
  return compareResource(pid1, pid2, type, fd1, index2);
}

/** The forms without an index; one given all the same is an error, since the kernel would ignore it. */
function compareResource(pid1: number, pid2: number, type: KcmpType, fd1: unknown, index2: unknown): KcmpResult {
  if (type >= KCMP_VM && type <= KCMP_SYSVSEM) {
    if (fd1 !== undefined) throw badType('fd1', 'left out with this type', fd1);
    if (index2 !== undefined) throw badType('fd2', 'left out with this type', index2);
  }
  const result = kcmpRaw(pid1, pid2, type, 0, 0);
  if (result < 0) throw kcmpError(result, { pid1, pid2, type });
  return result as KcmpResult;
}

function compareTarget(pid1: number, fd1: number, pid2: number, target: EpollSlot, name: string): KcmpResult {
  const { efd, tfd, toff = 0 } = target;
  if (!isU32(efd)) throw badU32(`${name}.efd`, efd);
  if (!isU32(tfd)) throw badU32(`${name}.tfd`, tfd);
  if (!isU32(toff)) throw badU32(`${name}.toff`, toff);
  const result = kcmpEpollRaw(pid1, pid2, fd1, efd, tfd, toff);
  if (result < 0) throw kcmpError(result, { pid1, pid2, type: KCMP_EPOLL_TFD, fd1, slot: { efd, tfd, toff } });
  return result as KcmpResult;
}

/** 0, 1, 2 of the kernel as 0, -1, 1; a negated 0 would be -0, which strict assertions tell from 0. */
const toOrdering = (result: KcmpResult): Ordering => (result === 0 ? 0 : result === 1 ? -1 : 1);

function compareRefs(a: FileRef, b: FileRef): KcmpResult {
  if (typeof a !== 'object' || a === null) throw badType('a', REF, a);
  if (typeof b !== 'object' || b === null) throw badType('b', REF, b);
  const { pid: pid1, fd: fd1 } = a;
  const { pid: pid2, fd: fd2 } = b;
  if (!isInt31(pid1)) throw badInt31('a.pid', pid1);
  if (!isInt31(fd1)) throw badInt31('a.fd', fd1);
  if (!isInt31(pid2)) throw badInt31('b.pid', pid2);
  if (!isInt31(fd2)) throw badInt31('b.fd', fd2);
  const result = kcmpRaw(pid1, pid2, KCMP_FILE, fd1, fd2);
  if (result < 0) throw kcmpError(result, { pid1, pid2, type: KCMP_FILE, fd1, fd2 });
  return result as KcmpResult;
}

/**
 * `kcmp(a.pid, b.pid, KCMP_FILE, a.fd, b.fd) == 0` — do two descriptors share one open file description,
 * with its offset, status flags and locks?
 *
 * @param a, b - descriptors, also of different processes
 * @returns true after dup, fork and SCM_RIGHTS; false for a second open of the same file
 * @throws what {@link kcmp} throws for KCMP_FILE
 * @since Linux 3.5
 * @see kernel/kcmp.c
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
 * @param a, b - descriptors, also of different processes
 * @returns 0 for one description, otherwise -1 or 1
 * @throws what {@link kcmp} throws for KCMP_FILE
 * @throws KcmpError `ERR_KCMP_UNORDERED` — the kernel says different, but gives no order
 * @since Linux 3.5; transitive since Linux 3.17
 * @see kernel/kcmp.c
 */
export function compareFiles(a: FileRef, b: FileRef): Ordering {
  const result = compareRefs(a, b);
  if (result === 3) throw unordered({ pid1: a.pid, pid2: b.pid, type: KCMP_FILE, fd1: a.fd, fd2: b.fd });
  return toOrdering(result);
}

function compareFileTarget(file: FileRef, target: EpollTargetRef): KcmpResult {
  if (typeof file !== 'object' || file === null) throw badType('file', REF, file);
  if (typeof target !== 'object' || target === null) throw badType('target', TARGET, target);
  const { pid: pid1, fd } = file;
  const { pid: pid2 } = target;
  if (!isInt31(pid1)) throw badInt31('file.pid', pid1);
  if (!isInt31(fd)) throw badInt31('file.fd', fd);
  if (!isInt31(pid2)) throw badInt31('target.pid', pid2);
  return compareTarget(pid1, fd, pid2, target, 'target');
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
 * @since Linux 4.13
 * @see kernel/kcmp.c, get_epoll_tfile_raw_ptr() in fs/eventpoll.c
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
 * @since Linux 4.13
 * @see kernel/kcmp.c
 */
export function compareEpollTarget(file: FileRef, target: EpollTargetRef): Ordering {
  const result = compareFileTarget(file, target);
  if (result === 3) {
    const { pid, efd, tfd, toff = 0 } = target;
    throw unordered({ pid1: file.pid, pid2: pid, type: KCMP_EPOLL_TFD, fd1: file.fd, slot: { efd, tfd, toff } });
  }
  return toOrdering(result);
}

/**
 * `kcmp(pid1, pid2, KCMP_VM …)` — do two tasks share this resource?
 *
 * 0 does not prove sharing where both have none: two tasks without an I/O context or undo list, two
 * kernel threads without an address space, two zombies. {@link taskSharing} tells these apart.
 *
 * @param pid1, pid2 - tasks, threads included, 0 … 2^31−1 (0 names none)
 * @param resource - 'vm', 'files', 'fs', 'sighand', 'io' or 'sysvsem'
 * @returns 0 for the same, otherwise -1 or 1; a different order for every resource
 * @throws TypeError `ERR_INVALID_ARG_VALUE` — an unknown resource; `ERR_INVALID_ARG_TYPE` — no string
 * @throws what {@link kcmp} throws for that type, and KcmpError `ERR_KCMP_UNORDERED`
 * @since Linux 3.5
 * @see kernel/kcmp.c
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
