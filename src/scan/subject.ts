/**
 * What a question is about, and what is thrown where that cannot be looked at: errors shaped like Node's system
 * errors. Of other tasks and descriptors a scan counts the same codes instead.
 */
import { KCMP_FILE } from '../binding/abi.ts';
import { errnoName } from '../binding/errors.ts';
import { accessTo, isComparable, kcmpError } from '../binding/explain.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { listDescriptors } from '../procfs/fd.ts';
import { hasEnded, readStat, type Stat } from '../procfs/stat.ts';
import { isStuckInExec } from './busy.ts';
import { listOpen } from './listing.ts';
import { refusalAdvice, refusalReason, taskExists } from './reason.ts';
import type { Steps } from './steps.ts';
import { presence } from './task-state.ts';
import { ERRNO } from '../util/errno.ts';

const { EINVAL } = ERRNO;

export interface SubjectError extends Error {
  code: string;
  errno: number;
  pid: number;
  fd?: number;
}

const WORDS: Record<string, string> = {
  ESRCH: 'does not exist in this pid namespace',
  EBADF: 'is not open',
  EINVAL: 'is not an epoll instance',
  EAGAIN: 'was another file time and again while it was looked at',
  EBUSY: 'is in an exec that does not end, and who compares it would wait for that',
};

function refused(code: string, pid: number): string {
  const reason = refusalReason(code, pid);
  return `may not be ${code === 'EACCES' ? 'read' : 'inspected'}: ${reason}${refusalAdvice(reason)}`;
}

function inWords(code: string, pid: number): string | undefined {
  if (code === 'EACCES' || code === 'EPERM') return refused(code, pid);
  return code === 'ESRCH' && taskExists(pid) ? 'has ended: it has no descriptors of its own any more' : WORDS[code];
}

/**
 * The error for a process, or one descriptor of it, that cannot be looked at.
 * @param why - what is the matter with it, where the code does not say
 */
export function subjectError(code: string, pid: number, fd?: number, why?: string): SubjectError {
  const subject = fd === undefined ? `pid ${pid}` : `fd ${fd} of pid ${pid}`;
  const errno = -(ERRNO[code as keyof typeof ERRNO] ?? 0);
  const error = new Error(`${code}: ${subject} ${why ?? inWords(code, pid) ?? 'could not be read'}`);
  return Object.assign(error, { code, errno, pid, ...(fd === undefined ? {} : { fd }) });
}

/** What ENOENT from /proc means for a pid: gone, or hidden by hidepid, which looks the same there. */
export function goneOrHidden(pid: number, code: string): string {
  if (code !== 'ENOENT' && code !== 'ESRCH') return code;
  return taskExists(pid) ? 'EPERM' : 'ESRCH';
}

/**
 * When a task was started, as long as it lives: with its id that names it for good. What has ended holds nothing any
 * more, which says nothing of what it held.
 * @throws ESRCH, EPERM
 */
export function requireTask(pid: number): Stat {
  const stat = readStat(pid);
  if (typeof stat === 'string') throw subjectError(goneOrHidden(pid, stat), pid);
  if (presence('files', stat) !== 'yes') throw subjectError('ESRCH', pid);
  return stat;
}

/**
 * The error for a descriptor of which this code was read: closed, or its task gone, hidden or refused.
 */
export function closedOrRefused(pid: number, fd: number, code: string): SubjectError {
  // The kernel gives the folder of a zombie, which has nothing open any more, to root.
  if (code === 'EACCES' && hasEnded(pid)) return subjectError('EBADF', pid, fd);
  if (code !== 'ENOENT' && code !== 'ESRCH') return subjectError(code, pid);
  if (typeof readStat(pid) !== 'string') return subjectError('EBADF', pid, fd);
  return subjectError(goneOrHidden(pid, code), pid);
}

export const isOpen = ({ pid, fd }: FileRef): boolean => kcmpRaw(pid, pid, KCMP_FILE, fd, fd) >= 0;

/** Whether two descriptors are one description, where kcmp(2) says so. */
export const isSame = (a: FileRef, b: FileRef): boolean => kcmpRaw(a.pid, b.pid, KCMP_FILE, a.fd, b.fd) === 0;

/** Whether two are one number of one process. */
export const isRef = (a: FileRef, b: FileRef): boolean => a.pid === b.pid && a.fd === b.fd;

/** @throws EBUSY when whoever compares this process would wait, perhaps for ever */
export function* requireComparable(pid: number): Steps<void> {
  if (yield* isStuckInExec(pid)) throw subjectError('EBUSY', pid);
}

/** @throws when a descriptor is not open (any more), by what kcmp(2) says: of what is closed nobody would be found */
export function requireOpen({ pid, fd }: FileRef): void {
  const result = kcmpRaw(pid, pid, KCMP_FILE, fd, fd);
  if (result < 0) throw kcmpError(result, { pid1: pid, pid2: pid, type: KCMP_FILE, fd1: fd, fd2: fd });
}

/**
 * The descriptors of a task, ascending.
 * @throws ESRCH, EACCES, EPERM
 */
export function listOrThrow(pid: number): number[] {
  const fds = listDescriptors(pid);
  if (typeof fds === 'string') throw subjectError(goneOrHidden(pid, fds), pid);
  return fds;
}

/**
 * The descriptors of a task that is to be compared; a task on its way out is refused to everybody, for that reason and
 * no other.
 * @throws ESRCH, EACCES, EPERM
 */
export function* listComparable(pid: number): Steps<number[]> {
  const fds = yield* listOpen(pid);
  const access = typeof fds !== 'string' && isComparable() ? accessTo(pid) : -EINVAL;
  const code = typeof fds === 'string' ? goneOrHidden(pid, fds) : access === -EINVAL ? undefined : errnoName(access);
  if (code === undefined) return fds as number[];
  requireTask(pid);
  throw subjectError(code, pid);
}
