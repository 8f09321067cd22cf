/** Errors of an inspector whose own subject cannot be looked at, shaped like Node's system errors. */
import { taskExists } from './refusal.ts';

const { constants } = process.getBuiltinModule('node:os');

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
  EACCES: 'may not be read: another user’s, or not dumpable; run as the same user, or with CAP_SYS_PTRACE',
  EPERM: 'may not be inspected: another user’s, not dumpable, or outside of this sandbox; run as the same user, or with CAP_SYS_PTRACE',
};

/**
 * The error for a process, or one descriptor of it, that cannot be looked at.
 * @param why - what is the matter with it, where the code does not say
 */
export function subjectError(code: string, pid: number, fd?: number, why?: string): SubjectError {
  const subject = fd === undefined ? `pid ${pid}` : `fd ${fd} of pid ${pid}`;
  const errno = -(constants.errno[code as keyof typeof constants.errno] ?? 0);
  const words = why ?? (code === 'ESRCH' && taskExists(pid) ? 'has ended: it has no descriptors of its own any more' : WORDS[code]);
  const error = new Error(`${code}: ${subject} ${words ?? 'could not be read'}`);
  return Object.assign(error, { code, errno, pid, ...(fd === undefined ? {} : { fd }) });
}

/** What ENOENT from /proc means for a pid: gone, or hidden by hidepid, which looks the same there. */
export function goneOrHidden(pid: number, code: string): string {
  if (code !== 'ENOENT' && code !== 'ESRCH') return code;
  return taskExists(pid) ? 'EPERM' : 'ESRCH';
}
