/**
 * Whether tasks have run, by /proc/TID/schedstat: what has not run has opened, closed and moved nothing.
 *
 * Source: proc_pid_schedstat() of fs/proc/base.c; sched_info_arrive() of kernel/sched/stats.h counts before a task runs.
 */
import { codeOf, fs } from '../read.ts';
import { PROC } from '../root.ts';
import { readStart } from './start.ts';

/** What a kernel prints that does not count. */
const UNCOUNTED = '0 0 0\n';

const STATE = '\nState:\t';
const THREADS = '\nThreads:\t';
const SIZE = '\nVmSize:';
const PROGRAM = '\nVmExe:';

let self = -1;

/** The task id of the calling thread, which it keeps; -1 where /proc does not say. Since Linux 3.17. */
export function readSelf(): number {
  if (self >= 0) return self;
  try {
    return (self = Number(fs().readlinkSync(`${PROC}/thread-self`).split('/').at(-1)));
  } catch (error) {
    codeOf(error);
    return -1;
  }
}

let isAlone = false;

/**
 * Says that in this process nothing but the thread that asks opens or closes a file, as in the command: its other threads
 * compile and collect garbage, so that they run in each look, after which all that it has open would be looked at again.
 */
export function lookAlone(): void {
  isAlone = true;
}

export const isLookingAlone = (): boolean => isAlone;

/** What a task was given to run so far: it changes whenever it begins to. Undefined where that is not counted. */
export function readRuns(tid: number): string | undefined {
  const schedstat = readStart(tid, 'schedstat');
  return schedstat === '' || schedstat === UNCOUNTED ? undefined : schedstat;
}

/** The kernel's function that a task waits in; '' where it runs, or that is not told. */
export function readPlace(tid: number): string {
  const place = readStart(tid, 'wchan');
  return place === '0' ? '' : place;
}

/** What a task does at this moment, by /proc/TID/status, which waits for no lock and anybody may read. */
export interface Pulse {
  /** R, S, D, …; '' when it cannot be told. */
  state: string;
  /** How many threads its process has; 0 when it cannot be told. */
  threads: number;
  /** Whether it has an address space with no program in it: exec has left the old one, and not mapped the new one yet. */
  isInExec: boolean;
}

/** Source: proc_pid_status() of fs/proc/array.c, task_mem() of fs/proc/task_mmu.c. */
export function readPulse(tid: number): Pulse {
  const status = readStart(tid, 'status');
  const state = status.indexOf(STATE);
  return {
    state: state < 0 ? '' : status.charAt(state + STATE.length),
    threads: numberAt(status, THREADS) ?? 0,
    isInExec: (numberAt(status, SIZE) ?? 0) > 0 && numberAt(status, PROGRAM) === 0,
  };
}

/** The number behind a label; undefined where the text does not reach that far. */
function numberAt(text: string, label: string): number | undefined {
  const at = text.indexOf(label);
  return at < 0 ? undefined : Number.parseInt(text.slice(at + label.length, at + label.length + 24), 10);
}
