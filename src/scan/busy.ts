/**
 * Who may hold a lock that looking would wait for, perhaps for ever: told beforehand by stat and wchan.
 *
 *   exec_update_lock   kcmp(2) takes it, and an exec that closes a file of a dead server keeps it
 *   an epoll's mutex   its fdinfo and every KCMP_EPOLL_TFD take it, and who adds a file of a dead server keeps it
 *
 * Of a process that is stuck in exec Linux 6.18 lets stat and wchan wait as well, so that there nothing is won.
 *
 * Source: begin_new_exec() of fs/exec.c; do_epoll_ctl() and ep_show_fdinfo() of fs/eventpoll.c; request_wait_answer() of
 * fs/fuse/dev.c.
 */
import { listTasks } from '../procfs/processes.ts';
import { readStart } from '../procfs/raw/start.ts';
import { parseStat } from '../procfs/stat.ts';
import type { Steps } from './steps.ts';

/** Milliseconds after which somebody who waits is not taken to be done soon. */
const PATIENCE = 30;
/** Before an exec has mapped its program, there is nothing but a stack. */
const SMALLEST = 2 ** 20;
const PF_KTHREAD = 0x00200000;
/** Where tasks wait for a server, or for somebody who does. */
const WAITING = /^(?:request_wait_answer|fuse_|rpc_|nfs|cifs|smb|ceph|p9_|__mutex_lock|ep_insert|ep_modify|ep_remove)/;

/** Whether a process is in the part of an exec that keeps others from comparing it. */
export function isInExec(pid: number): boolean {
  const stat = parseStat(readStart(pid, 'stat'));
  if (stat === undefined || (stat.flags & PF_KTHREAD) !== 0 || /[ZXx]/.test(stat.state)) return false;
  return stat.startCode <= 1 && stat.vsize > 0 && stat.vsize < SMALLEST;
}

/** Whether a process stays in exec for longer than an exec takes. */
export function* isStuckInExec(pid: number): Steps<boolean> {
  return yield* lasts(() => isInExec(pid));
}

/** Whether some thread of a process waits for longer than it should, so that it may keep the mutex of an epoll instance. */
export function* mayKeepMutex(pid: number): Steps<boolean> {
  const tasks = listTasks(pid);
  for (const tid of typeof tasks === 'string' ? [pid] : tasks) if (yield* lasts(() => isWaiting(tid))) return true;
  return false;
}

const isWaiting = (tid: number): boolean =>
  parseStat(readStart(tid, 'stat'))?.state === 'D' || WAITING.test(readStart(tid, 'wchan'));

function* lasts(isSo: () => boolean): Steps<boolean> {
  for (const end = performance.now() + PATIENCE; performance.now() < end; ) {
    if (!isSo()) return false;
    yield;
  }
  return true;
}
