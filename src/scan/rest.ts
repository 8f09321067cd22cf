/**
 * Who has not run since a moment cannot have changed anything of its own since: told by what each of its threads was
 * given to run, and by all of them being off their processors later, since who runs all the while is not counted before
 * it stops.
 *
 * Source: __schedule(), sched_info_arrive() and get_wchan() of kernel/sched.
 */
import { listTasks } from '../procfs/processes.ts';
import { countTasks } from '../procfs/raw/fd-listing.ts';
import { isLookingAlone, type Pulse, readPlace, readPulse, readRuns, readSelf } from '../procfs/raw/runs.ts';
import { countTurns } from './steps.ts';

/** Of more threads it costs more to ask than to do without. */
const FEW = 32;

/** How it was with a process at a moment, to be shown to {@link hasRested}. */
export interface Rest {
  tids: readonly number[];
  runs: readonly string[];
  /** Whether all were seen off their processors since: one that ran until then was counted when it went. */
  isAsleep: boolean;
}

/** How it is with a process now; undefined where that cannot be told. */
export function restOf(pid: number): Rest | undefined {
  const runs = pid === process.pid ? undefined : readRuns(pid);
  // In this order: who was alone and does not run has started no thread since.
  if (runs === undefined || threadsIn(pid) !== 1) return restOfThreads(pid);
  return { tids: [pid], runs: [runs], isAsleep: false };
}

/**
 * As {@link restOf}, and what its main thread does, which is read with it.
 * @param before - how it was before, where that was told: it will do as well
 */
export function lookAt(pid: number, before: Rest | undefined): { rest: Rest | undefined; pulse: Pulse } {
  if (before !== undefined) return { rest: before, pulse: readPulse(pid) };
  const runs = pid === process.pid ? undefined : readRuns(pid);
  const pulse = readPulse(pid);
  if (pulse.threads !== 1) return { rest: restOfThreads(pid), pulse };
  const isUntold = runs === undefined || pulse.state === 'R';
  return { rest: isUntold ? undefined : { tids: [pid], runs: [runs], isAsleep: false }, pulse };
}

/** Whether a process has not run since. */
export function hasRested(pid: number, rest: Rest | undefined): boolean {
  if (rest === undefined) return false;
  const { tids, runs } = rest;
  if (rest.isAsleep) return hasRunNone(pid, rest);
  const self = selfIn(pid);
  // Of several it is mostly the first that ran.
  if (tids.length > 1 && runsOf(tids[0] as number, self) !== runs[0]) return false;
  for (const tid of tids) if (tid !== self && !isOffProcessor(tid)) return false;
  rest.isAsleep = true;
  return hasRunNone(pid, rest);
}

/** What {@link hasRested} answers, asked of each rest once: for as long as nothing is looked at, it is one question. */
export function askedOnce(): typeof hasRested {
  const known = new Map<Rest, boolean>();
  return (pid, rest) => {
    if (rest === undefined) return false;
    const before = known.get(rest);
    if (before !== undefined) return before;
    const now = hasRested(pid, rest);
    known.set(rest, now);
    return now;
  };
}

/** Whether no thread was given to run since, so that none has started another. */
function hasRunNone(pid: number, { tids, runs }: Rest): boolean {
  const self = selfIn(pid);
  return tids.every((tid, i) => runsOf(tid, self) === runs[i]);
}

function restOfThreads(pid: number): Rest | undefined {
  const self = selfIn(pid);
  if (self >= 0 && isLookingAlone()) return { tids: [self], runs: [String(countTurns())], isAsleep: false };
  // Thousands are not even listed, least of all for each of their tables.
  if (threadsIn(pid) > FEW) return undefined;
  const tids = listTasks(pid);
  if (typeof tids === 'string' || tids.length > FEW) return undefined;
  const runs: string[] = [];
  for (const tid of tids) {
    const now = runsOf(tid, self);
    if (now === undefined) return undefined;
    runs.push(now);
  }
  // Another one may have come since they were listed.
  return threadsIn(pid) === tids.length ? { tids, runs, isAsleep: false } : undefined;
}

let tellsPlaces: boolean | undefined;

/**
 * Whether a task is off its processor. Its state does not tell: it is set before the task goes, which then may be woken at
 * once and never go. Where it waits is told only of one that is gone, since Linux 5.16.
 */
function isOffProcessor(tid: number): boolean {
  if (readPlace(tid) !== '') return true;
  // Some kernels tell it of nobody: but of the threads of this process one that waits would be found.
  tellsPlaces ??= [listTasks(process.pid)].flat().some((own) => typeof own === 'number' && readPlace(own) !== '');
  return !tellsPlaces && !['R', ''].includes(readPulse(tid).state);
}

const threadsIn = (pid: number): number => countTasks(pid) || readPulse(pid).threads;

/** What a task was given to run. The thread that asks runs all the while, but what it does is known: it looks, but for its turns. */
const runsOf = (tid: number, self: number): string | undefined => (tid === self ? String(countTurns()) : readRuns(tid));

const selfIn = (pid: number): number => (pid === process.pid ? readSelf() : -1);
