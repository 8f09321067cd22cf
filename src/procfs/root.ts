/** Where proc(5) is mounted, and whether it is the one of this process. */
import { codeOf, fs } from './read.ts';

/** Where proc(5) is mounted. */
export const PROC = '/proc';

/** The error of whoever cannot do without /proc. */
export const unavailable = (message: string): Error =>
  Object.assign(new Error(message), { code: 'ERR_PROC_UNAVAILABLE' });

/**
 * Is `root` the proc filesystem of this process' own pid namespace? In another one's the same numbers name
 * other processes, so that every answer would be wrong.
 *
 * @throws {Error} `ERR_PROC_UNAVAILABLE` when it is not
 */
export function checkProc(root: string = PROC): void {
  let self: string;
  try {
    self = fs().readlinkSync(`${root}/self`);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ERR_ACCESS_DENIED')
      throw unavailable(
        `Node's permission model does not let this process read ${root}; run node with --allow-fs-read=${root}`,
      );
    throw unavailable(`${root} is not a proc filesystem (readlink ${root}/self: ${code}); mount one there`);
  }
  if (self !== String(process.pid)) {
    throw unavailable(
      `${root} shows another pid namespace: ${root}/self is ${self}, this process is ${process.pid}; ` +
        'mount the proc filesystem of this pid namespace there',
    );
  }
}
