/** Which processes and tasks there are: the numbers in /proc and in /proc/PID/task. */
import { fs } from './fs.ts';
import { codeOf, listNumbers } from './read.ts';

/** Where proc(5) is mounted. */
export const PROC = '/proc';

const unavailable = (message: string): Error => Object.assign(new Error(message), { code: 'ERR_PROC_UNAVAILABLE' });

/**
 * Is `root` the proc filesystem of this process' own pid namespace? In another one's the same numbers name
 * other processes, so that every answer would be wrong.
 *
 * @throws {Error} `ERR_PROC_UNAVAILABLE` when it is not
 */
export function checkProc(root: string = PROC): void {
  let self;
  try {
    self = fs().readlinkSync(`${root}/self`);
  } catch (error) {
    throw unavailable(`${root} is not a proc filesystem (readlink ${root}/self: ${codeOf(error)}); mount one there`);
  }
  if (self !== String(process.pid)) {
    throw unavailable(
      `${root} shows another pid namespace: ${root}/self is ${self}, this process is ${process.pid}; ` +
        'mount the proc filesystem of this pid namespace there',
    );
  }
}

/**
 * Every process, ascending. Threads are not among them, although /proc/TID can be read.
 *
 * @throws {Error} `ERR_PROC_UNAVAILABLE` when /proc does not belong to this pid namespace, or cannot be listed
 */
export function listProcesses(root: string = PROC): number[] {
  if (root === PROC) checkProc(root);
  const pids = listNumbers(root);
  if (typeof pids === 'string') throw unavailable(`${root} cannot be listed: ${pids}`);
  return pids;
}

/** The tasks of a process, ascending, or the errno's name: 'ENOENT' when it is gone or hidden. */
export const listTasks = (pid: number, root: string = PROC): number[] | string => listNumbers(`${root}/${pid}/task`);
