/**
 * Whether a task has run, by /proc/TID/schedstat: what has not run has opened, closed and moved nothing.
 *
 * Source: proc_pid_schedstat() of fs/proc/base.c; sched_info_arrive() of kernel/sched/stats.h counts before a task runs,
 * and update_curr() of kernel/sched/fair.c adds up its time, at the latest when it stops.
 */
import { codeOf, fs } from '../read.ts';
import { PROC } from '../root.ts';
import { parseStat } from '../stat.ts';
import { readStart } from './start.ts';

/** Of more threads it costs more to ask than to do without. */
const FEW = 32;
/** What a kernel prints that does not count. */
const UNCOUNTED = '0 0 0\n';

/** The thread that asks. It runs all the while, but what it does is known: it looks. */
export interface Self {
  tid: number;
  /** How often it did something else so far. */
  turns: number;
}

/** The task id of the calling thread; -1 where /proc does not say. Since Linux 3.17. */
export function readSelf(): number {
  try {
    return Number(fs().readlinkSync(`${PROC}/thread-self`).split('/').at(-1));
  } catch (error) {
    codeOf(error);
    return -1;
  }
}

/** What these threads, all of one process, were given so far, to be shown to {@link haveRested}; undefined when it cannot be told. */
export function readRuns(tasks: readonly number[] | string, self: Self): string | undefined {
  if (typeof tasks === 'string' || tasks.length > FEW) return undefined;
  let runs = '';
  for (const tid of tasks) {
    const schedstat = tid === self.tid ? `${self.turns}\n` : readStart(tid, 'schedstat');
    if (schedstat === '' || schedstat === UNCOUNTED) return undefined;
    runs += `${tid} ${schedstat}`;
  }
  return runs;
}

/** Whether none of these threads has run since that was read, nor is one of them new. */
export function haveRested(tasks: readonly number[] | string, self: Self, runs: string | undefined): boolean {
  if (runs === undefined || typeof tasks === 'string' || readRuns(tasks, self) !== runs) return false;
  // Who runs all the while is not counted before it stops.
  return tasks.every((tid) => {
    const state = tid === self.tid ? 'S' : parseStat(readStart(tid, 'stat'))?.state;
    return state !== undefined && state !== 'R';
  });
}
