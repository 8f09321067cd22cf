/**
 * Why something was skipped, in words. One code has several causes: what may be looked at is decided by user,
 * dumpability, capabilities and sandbox alike, so the target's credentials are compared with one's own.
 *
 * Source: __ptrace_may_access() in kernel/ptrace.c, proc_pid_permission() in fs/proc/base.c.
 */
import { errnoText } from '../binding/errors.ts';
import { BLOCKED, blockedFix, isBlocked, MISSING } from '../binding/explain.ts';
import { CAP_SYS_PTRACE, hasPtrace } from '../binding/privilege.ts';
import { readOwner } from '../procfs/fd.ts';
import { isListed } from '../procfs/processes.ts';
import { type Credentials, readCredentials } from '../procfs/status.ts';
import { ERRNO } from '../util/errno.ts';

const OUTSIDE = 'outside of this sandbox or namespace, or guarded by a security module';
const NOT_DUMPABLE = 'not dumpable: it changed its user, or asked for protection';
const MORE_PRIVILEGED = 'more privileged: it has capabilities that this process lacks';
/** For these one's own processes are refused as well. */
const EVEN_OWN: ReadonlySet<string> = new Set([NOT_DUMPABLE, MORE_PRIVILEGED]);

/** `kill(pid, 0)` — is there such a task? It sees what a filter on kcmp or a /proc with hidepid hides. */
export function taskExists(pid: number): boolean {
  if (pid === 0) return false; // kill(2) would take it for the caller's process group
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const sameIds = (mine: number, theirs: number[]): boolean => theirs.every((id) => id === mine);

function identityMismatch(mine: Credentials, theirs: Credentials): string | undefined {
  const [uid = -1] = mine.uids;
  const [gid = -1] = mine.gids;
  if (!sameIds(uid, theirs.uids)) return `another user's (uid ${theirs.uids.find((id) => id !== uid)})`;
  if (!sameIds(gid, theirs.gids)) return `another group's (gid ${theirs.gids.find((id) => id !== gid)})`;
  return undefined;
}

/** What to do about a refusal, where anything helps: `; run as …`. */
export function refusalAdvice(reason: string): string {
  if (reason === BLOCKED) return `; ${blockedFix()}`;
  if (reason === OUTSIDE || hasPtrace()) return '';
  return `; run ${EVEN_OWN.has(reason) ? '' : 'as the same user, '}as root, or with CAP_SYS_PTRACE`;
}

/** Who refused: the first of the kernel's conditions that is seen to fail. */
function whyRefused(pid: number): string {
  const mine = readCredentials('self');
  const theirs = readCredentials(pid);
  if (typeof mine === 'string') return 'refused, and /proc, which could say why, is not mounted';
  if (typeof theirs === 'string') return taskExists(pid) ? hidden() : ended();
  // With this capability the user does not matter, so that something stronger must have refused.
  if ((mine.effective & CAP_SYS_PTRACE) !== 0n) return OUTSIDE;
  const mismatch = identityMismatch(mine, theirs);
  if (mismatch !== undefined) return mismatch;
  const owner = readOwner(pid);
  if (typeof owner === 'number' && owner !== theirs.uids[1]) return NOT_DUMPABLE;
  if ((theirs.permitted & ~mine.permitted) !== 0n) return MORE_PRIVILEGED;
  return OUTSIDE;
}

const hidden = (): string => "hidden by /proc's option hidepid";
const ended = (): string => 'ended meanwhile';

function whyMissing(pid: number): string {
  if (!isListed('self')) return '/proc is not mounted';
  const listed = isListed(pid);
  const exists = taskExists(pid);
  if (exists && !listed) return hidden();
  // An entry of a task that no call finds: /proc is that of an outer pid namespace.
  if (listed && !exists) return 'in another pid namespace: /proc is not the one of this process';
  return ended();
}

/**
 * `ptrace_may_access(pid, PTRACE_MODE_READ)` and its like — why could this task or its descriptors not be looked at?
 *
 * For EPERM and EACCES the causes are, in this order: a seccomp filter on kcmp(2) (EPERM only), another user,
 * another group, not dumpable, more capabilities, and otherwise a sandbox such as Landlock's. Reads at most two
 * files of /proc, and nothing for the other codes but to tell an ended task from a hidden one.
 *
 * @param code - an errno's name, as in a report's `skipped`
 * @param pid - the task
 * @returns the cause, as what a sentence says of the task: "pid 7 is …"
 * @see ptrace(2), proc(5) on hidepid
 */
export function refusalReason(code: string, pid: number): string {
  switch (code) {
    case 'EPERM':
      return isBlocked() ? BLOCKED : whyRefused(pid);
    case 'EACCES':
      return whyRefused(pid);
    case 'ENOENT':
    case 'ESRCH':
      return whyMissing(pid);
    case 'EBADF':
      return 'closed meanwhile';
    case 'EBUSY':
      return 'in an exec that does not end, or waiting for a server: who looks would wait as well';
    case 'ETIMEDOUT':
      return 'not compared within the minute that is taken for very many targets of an epoll instance; exact takes all it needs';
    case 'EAGAIN':
      return 'changed all the while';
    case 'ENOSYS':
      return MISSING;
    default: {
      const errno = (ERRNO as Record<string, number | undefined>)[code];
      return errno === undefined ? code : errnoText(-errno);
    }
  }
}
