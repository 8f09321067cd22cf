/** The inspectors' jobs as data, so that this process can time them and another count their calls. */
import type { FileRef } from '../../src/index.ts';
import type { Library, Promises } from './build.ts';

export type Job =
  | { call: 'groupFiles'; pids: number[] }
  | { call: 'findHolders'; file: FileRef; pids: number[] }
  | { call: 'findInherited'; pid: number; from: number }
  | { call: 'resolveEpoll'; pid: number; efd: number; pids?: number[] };

export type Report = ReturnType<Library['groupFiles' | 'findHolders' | 'findInherited' | 'resolveEpoll']>;

export function perform(library: Library, job: Job): Report;
export function perform(library: Promises, job: Job, signal?: AbortSignal): Promise<Report>;
export function perform(library: Library | Promises, job: Job, signal?: AbortSignal): Report | Promise<Report> {
  const own = signal === undefined ? {} : { signal };
  const options = { ...own, pids: 'pids' in job ? job.pids : [] };
  switch (job.call) {
    case 'groupFiles':
      return library.groupFiles(options);
    case 'findHolders':
      return library.findHolders(job.file, options);
    case 'findInherited':
      return library.findInherited(job.pid, { ...own, from: job.from });
    case 'resolveEpoll':
      return library.resolveEpoll(job.pid, job.efd, options);
  }
}
