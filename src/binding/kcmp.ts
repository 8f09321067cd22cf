/**
 * kcmp(2) as a typed call: arguments are checked here, once; below nothing is checked again.
 *
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, kernel/kcmp.c
 */
import { KCMP_EPOLL_TFD, KCMP_FILE, KCMP_SYSVSEM, KCMP_VM, type KcmpResult, type KcmpType } from './abi.ts';
import { badInt31, badInt32, badType, isInt31, isInt32 } from './arguments.ts';
import type { EpollSlot } from './epoll-slot.ts';
import { kcmpError } from './explain.ts';
import { readSlot } from './read.ts';
import { kcmpEpollRaw, kcmpRaw } from './syscall.ts';

/** A descriptor of a process. */
export interface FileRef {
  /** A task, as this pid namespace numbers it: 1 … 2^31−1. */
  pid: number;
  /** A descriptor number of that task: 0 … 2^31−1. */
  fd: number;
}

/** What a comparison type takes besides the two tasks; of a type that is known only when it runs, any of these. */
export type KcmpIndices<T extends KcmpType> = T extends typeof KCMP_FILE
  ? [fd1: number, fd2: number]
  : T extends typeof KCMP_EPOLL_TFD
    ? [fd1: number, slot: EpollSlot]
    : [];

/**
 * `kcmp(pid1, pid2, KCMP_FILE, fd1, fd2)` — do two descriptors refer to the same open file description?
 *
 * The system call and nothing else. The other forms compare a descriptor with a target of
 * an epoll instance of `pid2`, and a resource of two whole tasks.
 *
 * @typeParam T - the type, which says what else is taken
 * @param pid1 - a task, 0 … 2^31−1 (0 names none)
 * @param pid2 - a task, 0 … 2^31−1, as a rule another one
 * @param type - one of the KCMP_ constants; any other signed 32-bit integer is left to the kernel to judge
 * @param indices - for KCMP_FILE `fd1` and `fd2`, descriptors, 0 … 2^31−1; for KCMP_EPOLL_TFD `fd1` and the `slot` of the
 *   target, with `efd` a descriptor of `pid2`; for the others nothing
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
 * @example kcmp(process.pid, process.ppid, KCMP_FILE, 1, 1); // 0 where both write to one description
 * @since Linux 3.5; KCMP_EPOLL_TFD since Linux 4.13
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, kernel/kcmp.c
 */
export function kcmp<T extends KcmpType>(pid1: number, pid2: number, type: T, ...indices: KcmpIndices<T>): KcmpResult;
export function kcmp(
  pid1: number,
  pid2: number,
  type: KcmpType,
  fd1?: number,
  index2?: number | EpollSlot,
): KcmpResult {
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
    return compareTarget(pid1, fd1, pid2, index2 as EpollSlot, 'slot');
  }
  if (!isInt32(type)) throw badInt32('type', type);
  return compareResource(pid1, pid2, type, fd1, index2);
}

/** The forms without an index; one given all the same is an error, since the kernel would ignore it. */
export function compareResource(pid1: number, pid2: number, type: KcmpType, fd1: unknown, index2: unknown): KcmpResult {
  if (type >= KCMP_VM && type <= KCMP_SYSVSEM) {
    if (fd1 !== undefined) throw badType('fd1', 'left out with this type', fd1);
    if (index2 !== undefined) throw badType('fd2', 'left out with this type', index2);
  }
  const result = kcmpRaw(pid1, pid2, type, 0, 0);
  if (result < 0) throw kcmpError(result, { pid1, pid2, type });
  return result as KcmpResult;
}

export function compareTarget(pid1: number, fd1: number, pid2: number, target: EpollSlot, name: string): KcmpResult {
  const { efd, tfd, toff } = readSlot(target, name);
  const result = kcmpEpollRaw(pid1, pid2, fd1, efd, tfd, toff);
  if (result < 0) throw kcmpError(result, { pid1, pid2, type: KCMP_EPOLL_TFD, fd1, slot: { efd, tfd, toff } });
  return result as KcmpResult;
}
