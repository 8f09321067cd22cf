/**
 * Who has not run since a moment cannot have changed anything of its own since: told by what each of its threads was
 * given to run, and by none of them running at that moment, since who runs all the while is not counted before it stops.
 */
import { listTasks } from '../procfs/processes.ts';
import { type Pulse, readPulse, readRuns, readSelf } from '../procfs/raw/runs.ts';
import { countTurns } from './steps.ts';

/** Of more threads it costs more to ask than to do without. */
const FEW = 32;

/** How it was with a process at a moment, to be shown to {@link hasRested}. */
export interface Rest {
  tids: readonly number[];
  runs: readonly string[];
}

/** How it is with a process now; undefined where that cannot be told, or it runs. */
export const restOf = (pid: number): Rest | undefined => lookAt(pid).rest;

/** As {@link restOf}, and what its main thread does, which is read with it. */
export function lookAt(pid: number): { rest: Rest | undefined; pulse: Pulse } {
  const runs = pid === process.pid ? undefined : readRuns(pid);
  const pulse = readPulse(pid);
  if (pulse.threads !== 1) return { rest: restOfThreads(pid), pulse };
  return { rest: runs === undefined || pulse.state === 'R' ? undefined : { tids: [pid], runs: [runs] }, pulse };
}

/** Whether a process has not run since. */
export function hasRested(pid: number, rest: Rest | undefined): boolean {
  if (rest === undefined) return false;
  const { tids, runs } = rest;
  // One thread that has not run has started no other.
  if (tids.length > 1) {
    const now = listTasks(pid);
    if (typeof now === 'string' || now.length !== tids.length || now.some((tid, i) => tid !== tids[i])) return false;
  }
  const self = selfIn(pid);
  return tids.every((tid, i) => (tid === self ? ownRuns() : readRuns(tid)) === runs[i]);
}

function restOfThreads(pid: number): Rest | undefined {
  const tids = listTasks(pid);
  if (typeof tids === 'string' || tids.length > FEW) return undefined;
  const self = selfIn(pid);
  const runs: string[] = [];
  let { length: threads } = tids;
  for (const tid of tids) {
    const now = tid === self ? ownRuns() : readRuns(tid);
    const pulse = tid === self ? undefined : readPulse(tid);
    if (now === undefined || pulse?.state === 'R' || pulse?.state === '') return undefined;
    runs.push(now);
    threads = pulse?.threads ?? threads;
  }
  // Another one may have come since they were listed.
  return threads === tids.length ? { tids, runs } : undefined;
}

/** The thread that asks runs all the while, but what it does is known: it looks, but for its turns. */
const ownRuns = (): string => String(countTurns());

const selfIn = (pid: number): number => (pid === process.pid ? readSelf() : -1);
