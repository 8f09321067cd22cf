/**
 * Turns an errno of kcmp(2) into a KcmpError whose message says which side failed and
 * what to do. One errno has several causes; further calls find out which it was.
 *
 * Source: the order of checks in kernel/kcmp.c and fs/eventpoll.c.
 */
import { KCMP_EPOLL_TFD, KCMP_FILE, KCMP_FILES } from './abi.ts';
import { errnoName, errnoText, type KcmpArguments, KcmpError } from './errors.ts';
import { hasPtrace } from './privilege.ts';
import { kcmpEpollRaw, kcmpRaw } from './syscall.ts';
import { ERRNO } from '../util/errno.ts';

const { EBADF, EINVAL, ENOENT, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } = ERRNO;
const NO_TYPE = -1;
const NO_FD = 2 ** 31 - 1;

/**
 * May this task be compared? EINVAL says yes: the kernel finds the tasks, then checks
 * permission, and only then looks at the type. Otherwise -ESRCH, -EPERM or -ENOSYS.
 */
export const accessTo = (pid: number): number => kcmpRaw(pid, pid, NO_TYPE, 0, 0);

/** What this process is answered about itself, with descriptors that nobody has: a filter may refuse one type alone. */
const ownAnswer = (type: number): number => kcmpRaw(process.pid, process.pid, type, NO_FD, NO_FD);

/** Whether kcmp compares files here; a missing platform or koffi throws, as every call does. */
export const isComparable = (): boolean => accessTo(process.pid) === -EINVAL && ownAnswer(KCMP_FILE) === -EBADF;

/** Whether kcmp compares descriptor tables here. */
export const areTablesComparable = (): boolean => ownAnswer(KCMP_FILES) === 0;

/** A process may always inspect itself, so only a filter can refuse the call as such, or this type. */
export const isBlocked = (type: number = KCMP_FILE): boolean =>
  accessTo(process.pid) === -EPERM || ownAnswer(type) === -EPERM;

/** The errno's name of what keeps files from being compared here: of a filter, or of a kernel that has no kcmp. */
export const refusalCode = (): string => (accessTo(process.pid) === -ENOSYS ? 'ENOSYS' : 'EPERM');

/** Can targets be compared? EBADF says yes, for descriptors that nobody has. Otherwise -EINVAL before Linux 4.13, -EOPNOTSUPP or -EPERM. */
export const accessToTargets = (): number => kcmpEpollRaw(process.pid, process.pid, NO_FD, NO_FD, 0, 0);

export const epollTargetsSupported = (): boolean => accessToTargets() === -EBADF;

export const BLOCKED = 'a seccomp filter blocks kcmp in this process, as the default one of containers does';
/** What helps against it: the capability has containers allow kcmp, but not to whoever has it and is refused. */
export const blockedFix = (): string =>
  `start the container ${hasPtrace() ? '' : 'with --cap-add=SYS_PTRACE, or '}with a seccomp profile that allows kcmp`;
export const MISSING =
  'this kernel has no kcmp (older than Linux 3.5, or built without CONFIG_KCMP), or a sandbox hides it';
export const MISSING_FIX =
  'use a kernel with CONFIG_KCMP=y (CONFIG_CHECKPOINT_RESTORE=y before Linux 5.12), outside of the sandbox';

const isOpen = (pid: number, fd: number): boolean => kcmpRaw(pid, pid, KCMP_FILE, fd, fd) !== -EBADF;

function noSuchProcess({ pid1, pid2 }: KcmpArguments): string {
  const missing = [...new Set([pid1, pid2])].filter((pid) => accessTo(pid) === -ESRCH);
  if (missing.includes(0)) return 'pid 0 names no process; a process names itself by process.pid';
  if (missing.length === 0) return `pid ${pid1} or pid ${pid2} did not exist at that moment`;
  const subject = missing.length === 1 ? `pid ${missing[0]} does` : `pids ${missing.join(' and ')} do`;
  return `${subject} not exist in this pid namespace`;
}

function notPermitted({ pid1, pid2, type }: KcmpArguments): string {
  if (isBlocked(type)) return `${BLOCKED}; ${blockedFix()}`;
  const refused = [...new Set([pid1, pid2])].filter((pid) => accessTo(pid) === -EPERM);
  const subject = refused.length > 0 ? `pid ${refused.join(' and pid ')}` : `pid ${pid1} or pid ${pid2}`;
  const why = hasPtrace()
    ? 'outside of this sandbox or user namespace, or guarded by a security module'
    : "another user's, not dumpable, or outside of this sandbox; run as the same user, or with CAP_SYS_PTRACE";
  return `${subject} may not be inspected: ${why}`;
}

function notOpen({ pid1, pid2, fd1 = 0, fd2, slot }: KcmpArguments): string {
  const second = slot?.efd ?? fd2 ?? 0;
  const closed = [];
  if (!isOpen(pid1, fd1)) closed.push(`fd ${fd1} of pid ${pid1}`);
  if (!isOpen(pid2, second) && !(pid1 === pid2 && fd1 === second)) closed.push(`fd ${second} of pid ${pid2}`);
  if (closed.length === 0) return `fd ${fd1} of pid ${pid1} or fd ${second} of pid ${pid2} was not open at that moment`;
  return `${closed.join(' and ')} ${closed.length === 1 ? 'is' : 'are'} not open`;
}

function invalid({ pid2, type, slot }: KcmpArguments): string {
  if (slot === undefined) return `this kernel knows no comparison type ${type}`;
  if (epollTargetsSupported()) return `fd ${slot.efd} of pid ${pid2} is not an epoll instance`;
  return 'this kernel cannot compare epoll targets; KCMP_EPOLL_TFD needs Linux 4.13';
}

function noSuchTarget({ pid2, slot }: KcmpArguments): string {
  if (slot === undefined) return 'no such object';
  const { efd, tfd, toff } = slot;
  return `the epoll instance fd ${efd} of pid ${pid2} has no target with tfd ${tfd} and toff ${toff}`;
}

function explain(errno: number, args: KcmpArguments): string {
  switch (-errno) {
    case ESRCH:
      return noSuchProcess(args);
    case EPERM:
      return notPermitted(args);
    case EBADF:
      return notOpen(args);
    case EINVAL:
      return invalid(args);
    case ENOENT:
      return noSuchTarget(args);
    case EOPNOTSUPP:
      return `this kernel was built without ${args.type === KCMP_EPOLL_TFD ? 'epoll' : 'System V semaphores'}`;
    case ENOSYS:
      return `${MISSING}; ${MISSING_FIX}`;
    default:
      return `comparing pid ${args.pid1} with pid ${args.pid2}`;
  }
}

/** The error for a negative errno that kcmp(2) answered to these arguments. */
export function kcmpError(errno: number, args: KcmpArguments): KcmpError {
  const code = errnoName(errno);
  return new KcmpError(code, errno, `${code}: ${errnoText(errno)}, kcmp: ${explain(errno, args)}`, args);
}

/** The error of a comparator for result 3, "different but unordered". */
export const unordered = (args: KcmpArguments): KcmpError =>
  new KcmpError(
    'ERR_KCMP_UNORDERED',
    0,
    'kcmp: the kernel says different but gives no order, so nothing can be sorted by it',
    args,
  );
