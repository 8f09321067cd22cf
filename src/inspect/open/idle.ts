/**
 * Does anybody take connections from a listener? Where each thread of all who have it waits in a call that takes none, or
 * is stopped, nobody does at that moment. One that runs, or waits for events, may.
 *
 * Sources: proc_pid_syscall(5), accept(2).
 */
import { listTasks } from '../../procfs/processes.ts';
import { IO_URING_LINK } from '../../procfs/link.ts';
import { FdFolder } from '../../procfs/raw/fd-directory.ts';
import { readAside } from '../../procfs/raw/syscall.ts';
import { isStopped, readStat } from '../../procfs/stat.ts';
import { isStuckInExec } from '../../scan/busy.ts';
import type { Holder } from '../../scan/holder.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Table } from '../../scan/tables.ts';
import { readRing } from '../elsewhere/aloft.ts';
import { mayAccept } from '../elsewhere/registered.ts';

/** A thread that has a listener, and what it does instead of accepting: a system call, or 'stopped'. */
export interface Idle {
  pid: number;
  task: number;
  call: string;
}

/** What is asked of an open file. */
interface Described {
  kind: string;
  name: string | null;
  flags: readonly string[];
  holders: readonly Holder[];
  idle?: Idle[];
}

/** Of more threads, or descriptors, it is not told. */
const [THREADS, FDS] = [1000, 4096];

/** Whose holders are not woken by a signal either, of which any may be the one to accept. */
const isListener = ({ kind, name, flags, holders }: Described): boolean =>
  kind === 'socket' && name?.endsWith(' listening') === true && !flags.includes('async') && holders.length > 0;

/** Adds to each listener from which nobody accepts what those who have it do instead. */
export function* tellIdle(files: readonly Described[], tables: readonly Table[]): Steps<void> {
  for (const file of files) {
    if (!isListener(file)) continue;
    const idle = yield* idleOf(file, tables);
    if (idle !== undefined) file.idle = idle;
  }
}

function* idleOf({ holders }: Described, tables: readonly Table[]): Steps<Idle[] | undefined> {
  const idle: Idle[] = [];
  const ids = new Set(holders.flatMap(({ pid, sharedWith = [] }) => [pid, ...sharedWith]));
  for (const pid of ids) {
    const tasks = listTasks(pid);
    if (typeof tasks === 'string' || idle.length + tasks.length > THREADS || (yield* isStuckInExec(pid)))
      return undefined;
    for (const task of tasks) {
      yield;
      const stat = readStat(task);
      if (typeof stat !== 'string' && stat.state === 'Z') continue;
      const call = typeof stat !== 'string' && isStopped(stat.state) ? 'stopped' : readAside(task);
      if (call === undefined) return undefined;
      idle.push({ pid, task, call });
    }
  }
  // An instance of io_uring accepts while nobody waits, where it was asked to.
  for (const table of tables) if (ids.has(table.id) && (yield* hasAcceptingRing(table))) return undefined;
  return idle.length === 0 ? undefined : idle;
}

function* hasAcceptingRing({ id, fds }: Table): Steps<boolean> {
  const folder = fds.length > FDS ? undefined : FdFolder.open(id, 'fd');
  try {
    for (const fd of fds) {
      yield;
      if (folder?.link(fd) !== IO_URING_LINK) continue;
      const text = yield* readRing(id, fd);
      if (text === undefined || mayAccept(text)) return true;
    }
    return folder === undefined;
  } finally {
    folder?.close();
  }
}
