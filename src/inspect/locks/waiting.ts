/**
 * Who waits for a lock, by the system call that a task is in: /proc/locks leaves out who waits for a lock that no process
 * of this pid namespace took, and prints no process beside a request for an OFD lock.
 *
 * Sources: proc_pid_syscall(5), proc_pid_wchan(5), flock(2), F_OFD_SETLKW of fcntl(2).
 */
import type { FileRef } from '../../binding/kcmp.ts';
import type { LockMode, LockType } from '../../procfs/locks.ts';
import { listTasks } from '../../procfs/processes.ts';
import { readPulse } from '../../procfs/raw/runs.ts';
import { readStart } from '../../procfs/raw/start.ts';
import { readSyscall, type WaitingCall } from '../../procfs/raw/syscall.ts';
import { isStuckInExec } from '../../scan/busy.ts';
import type { Steps } from '../../scan/steps.ts';

/** A process that is in a call that waits for a lock on one of its descriptors. */
export interface Waiting {
  ref: FileRef;
  type: LockType;
  /** An argument in memory is not looked at. */
  mode: LockMode | undefined;
}

const LOCK_EX = 2;
const F_OFD_SETLKW = 38;
/** Functions of fs/locks.c that sleep. */
const SLEEPS = /^(?!.*mutex).*(?:lock|lease)|^fcntl_setlk/;

function waitingIn(pid: number, { call, fd, argument }: WaitingCall): Waiting | undefined {
  const ref = { pid, fd };
  if (call === 'flock') return { ref, type: 'flock', mode: (argument & LOCK_EX) === 0 ? 'read' : 'write' };
  return call === 'fcntl' && argument === F_OFD_SETLKW ? { ref, type: 'ofd', mode: undefined } : undefined;
}

const tasksOf = (pid: number): number[] => {
  const tasks = listTasks(pid);
  return typeof tasks === 'string' ? [] : tasks;
};

/** Whether a task of a process sleeps where who waits for a lock does; where that is not told, whether it sleeps at all. */
export function* mayWait(pid: number): Steps<boolean> {
  for (const tid of tasksOf(pid)) {
    yield;
    const wchan = readStart(tid, 'wchan');
    if (wchan === '' || wchan === '0' ? readPulse(tid).state === 'S' : SLEEPS.test(wchan)) return true;
  }
  return false;
}

/** Which of these processes wait for a flock or an OFD lock, and by which descriptor. */
export function* waitingOf(pids: Iterable<number>): Steps<Waiting[]> {
  const found: Waiting[] = [];
  for (const pid of pids) {
    // The file waits for an exec to end.
    if (!(yield* mayWait(pid)) || (yield* isStuckInExec(pid))) continue;
    for (const tid of tasksOf(pid)) {
      yield;
      const call = readSyscall(tid);
      const waiting = call === undefined ? undefined : waitingIn(pid, call);
      if (waiting !== undefined) found.push(waiting);
    }
  }
  return found;
}
