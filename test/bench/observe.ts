/** Asks a process of its own how many calls a job makes, or how much memory it takes. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Job } from './jobs.ts';

const MAIN = fileURLToPath(new URL('./observe-main.ts', import.meta.url));

function observe(index: string, job: Job, what: 'calls' | 'memory'): unknown {
  const input = JSON.stringify({ index, job, what });
  const child = spawnSync(process.execPath, ['--import', import.meta.resolve('tsx'), MAIN], {
    input,
    encoding: 'utf8',
  });
  if (child.status !== 0) throw child.error ?? new Error(`observing ${job.call} failed:\n${child.stderr}`);
  return JSON.parse(child.stdout);
}

/** How many there were, and how many milliseconds the longest call of the system took. */
export interface Calls {
  kcmpCalls: number;
  procReads: number;
  longestMs: number;
}

export const countCalls = (index: string, job: Job): Calls => observe(index, job, 'calls') as Calls;

/** Peak resident memory added by the job, in bytes. */
export const measureMemory = (index: string, job: Job): number =>
  (observe(index, job, 'memory') as { peakBytes: number }).peakBytes;
