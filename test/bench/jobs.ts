/** The inspectors' jobs as data, so that this process can time them and another count their calls. */
import type { FileRef } from '../../src/index.ts';
import type { Library } from './build.ts';

export type Job =
  | { call: 'groupFiles'; pids: number[] }
  | { call: 'findHolders'; file: FileRef; pids: number[] }
  | { call: 'resolveEpoll'; pid: number; efd: number };

export type Report = ReturnType<Library['groupFiles' | 'findHolders' | 'resolveEpoll']>;

export function perform(library: Library, job: Job): Report {
  switch (job.call) {
    case 'groupFiles':
      return library.groupFiles({ pids: job.pids });
    case 'findHolders':
      return library.findHolders(job.file, { pids: job.pids });
    case 'resolveEpoll':
      return library.resolveEpoll(job.pid, job.efd, { pids: [job.pid] });
  }
}
