/** On which descriptors does a process wait, each of its threads for itself? */
import type { FileRef } from '../../binding/kcmp.ts';
import { listTasks } from '../../procfs/processes.ts';
import { readPulse } from '../../procfs/raw/runs.ts';
import { readSyscall } from '../../procfs/raw/syscall.ts';
import { isStopped } from '../../procfs/stat.ts';
import { isStuckInExec } from '../../scan/busy.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Table } from '../../scan/tables.ts';

/** A descriptor, and the task that waits in a system call on it. */
export interface Waiting extends FileRef {
  /** Of several threads the one that waits. */
  task: number;
  /** The system call: `read`, `accept4`, `epoll_wait`, … */
  call: string;
}

/** Those of the tasks that own these tables, or use them as threads; nothing of those that may not be traced. */
export function* waitingIn(tables: readonly Table[]): Steps<Waiting[]> {
  const own = new Set(tables.map(({ id }) => id));
  const waiting: Waiting[] = [];
  for (const { id, pid } of tables) {
    if (yield* isStuckInExec(pid)) continue;
    // A thread that has a table of its own is asked about by itself.
    const tasks = id === pid ? listTasks(pid) : [id];
    for (const task of typeof tasks === 'string' ? [] : tasks) {
      yield;
      if (task !== id && own.has(task)) continue;
      // One that is stopped waits for SIGCONT, whatever call it was in.
      const call = isStopped(readPulse(task).state) ? undefined : readSyscall(task);
      if (call !== undefined) waiting.push({ pid: id, fd: call.fd, task, call: call.call });
    }
  }
  return waiting;
}
