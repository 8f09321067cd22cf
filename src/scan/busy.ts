/**
 * Who may hold a lock that looking would wait for, perhaps for ever: told beforehand by what waits for no lock itself.
 *
 *   exec_update_lock   kcmp(2) and most of /proc/PID take it, status does not; an exec that closes a file of a dead
 *                      server keeps it
 *   an epoll's mutex   its fdinfo and every KCMP_EPOLL_TFD take it, and who adds a file of a dead server keeps it
 *   mmap_lock          /proc/PID/maps and map_files take it; who reads what a dead server has mapped there, by /proc/PID/mem,
 *                      keeps it, and as soon as a thread waits to change the mappings so does everybody
 *
 * Source: begin_new_exec() of fs/exec.c; do_epoll_ctl() and ep_show_fdinfo() of fs/eventpoll.c; request_wait_answer() of
 * fs/fuse/dev.c; wait_for_vfork_done() of kernel/fork.c; __access_remote_vm() of mm/memory.c; proc_map_files_lookup() of
 * fs/proc/base.c.
 */
import { listTasks, readChildren } from '../procfs/processes.ts';
import { readPlace, readPulse } from '../procfs/raw/runs.ts';
import { clock } from '../util/clock.ts';
import type { Rest } from './rest.ts';
import type { Steps } from './steps.ts';

/** Milliseconds after which somebody who waits is not taken to be done soon. */
const PATIENCE = 50;
/** Where tasks wait for a server, or for somebody who does. */
const WAITING = /^(?:request_wait_answer|fuse_|rpc_|nfs|cifs|smb|ceph|p9_|__mutex_lock|ep_insert|ep_modify|ep_remove)/;

/** Where a task waits for its child to exec or to end, on newer and older kernels. */
const VFORK = /^(?:kernel_clone|_do_fork|do_fork|wait_for_vfork_done)$/;

/** Whether a process stays in the part of an exec that keeps others from comparing it for longer than that takes. */
export function* isStuckInExec(pid: number): Steps<boolean> {
  return yield* lasts(() => {
    const { isInExec, state } = readPulse(pid);
    return isInExec ? state : undefined;
  });
}

/**
 * Whether some thread of a process waits for longer than it should, so that it may keep the mutex of an epoll instance.
 * @param rest - how it was with the process before: that all are off their processors need not be asked for it again
 */
export function* mayKeepMutex(pid: number, rest?: Rest): Steps<boolean> {
  let isAsleep = rest !== undefined;
  const stateOf = (tid: number): string | undefined => {
    const place = readPlace(tid);
    isAsleep &&= place !== '';
    return place === '' ? uninterruptible(tid) : WAITING.test(place) ? 'S' : undefined;
  };
  if (yield* doesAny(pid, stateOf, rest?.tids)) return true;
  if (rest !== undefined) rest.isAsleep ||= isAsleep;
  return false;
}

/**
 * Whether some thread of a process waits for longer than it should, so that its mappings may be locked: for that lock nobody
 * waits in a way that a signal would end.
 */
export const mayKeepMappings = (pid: number): Steps<boolean> => doesAny(pid, uninterruptible);

/** Who waits for a child of vfork(2) keeps nothing, but the child, which has the same mappings, may. */
function uninterruptible(tid: number): string | undefined {
  if (readPulse(tid).state !== 'D') return undefined;
  const isInVfork =
    VFORK.test(readPlace(tid)) && readChildren(tid)?.every((child) => uninterruptible(child) === undefined);
  return isInVfork === true ? undefined : 'D';
}

function* doesAny(pid: number, stateOf: (tid: number) => string | undefined, tids?: readonly number[]): Steps<boolean> {
  if (yield* isStuckInExec(pid)) return true;
  const tasks = tids ?? listTasks(pid);
  for (const tid of typeof tasks === 'string' ? [pid] : tasks) {
    if (yield* lasts(() => stateOf(tid))) return true;
    yield;
  }
  return false;
}

/** Whether a state holds on, other than for want of a processor; undefined for one that does not hold. */
function* lasts(stateOf: () => string | undefined): Steps<boolean> {
  for (let since = clock(), now = since; ; now = clock()) {
    const state = stateOf();
    if (state === undefined) return false;
    if (state === 'R') since = now;
    if (now - since > PATIENCE) return true;
    yield;
  }
}
