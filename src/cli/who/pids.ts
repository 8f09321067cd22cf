/** `kcmp who --pids`, and how else its answer may be wanted. */
import type { Holder, HolderReport } from '../../index.ts';
import { readProcess } from '../../procfs/status.ts';
import type { ExitCode, Io } from '../io.ts';
import { print, tell } from '../output/print.ts';

/** How the answer is wanted. */
export interface Wanted {
  json: boolean;
  pids: boolean;
  all: boolean;
  /** Where to look; every process when left out. */
  where: { pids?: number[] };
}

/**
 * The answer for `$(…)`: that there are none is an answer only where all was seen.
 * @param isAnyNamed - whether the whole answer names who may have it
 */
export function printPids(io: Io, pids: readonly string[], code: ExitCode, isAnyNamed: boolean): ExitCode {
  print(io, [...pids]);
  const more = isAnyNamed ? '; without --pids it is told what may' : '';
  if (pids.length === 0 && code !== 1) tell(io, `no process is known to have it${more}`);
  return pids.length === 0 && code === 0 ? 2 : code;
}

/** Each process once: who holds it, and who uses it without a descriptor. */
export function pidsOf(holders: readonly Holder[], { elsewhere = [] }: Pick<HolderReport, 'elsewhere'>): string[] {
  const users = elsewhere.filter(({ sure }) => sure !== 'possible').map(({ pid }) => pid);
  const pids = [...holders.flatMap(({ pid, sharedWith = [] }) => [pid, ...sharedWith]), ...users];
  // Each is asked for its process once, however much it has.
  const tasks = [...new Set(pids)].filter((pid) => pid !== null);
  return [...new Set(tasks.map((task) => readProcess(task)))].map(String);
}
