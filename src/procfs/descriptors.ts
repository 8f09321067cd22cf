/** The descriptors of a task: /proc/PID/fd, where PID may be a thread's id as well. */
import { readlinkSync, statSync } from 'node:fs';
import { PROC } from './processes.ts';
import { codeOf, listNumbers } from './read.ts';

/** The task's descriptors, ascending, or the errno's name: 'EACCES' when refused. A zombie has none. */
export const listDescriptors = (pid: number, root: string = PROC): number[] | string =>
  listNumbers(`${root}/${pid}/fd`);

/** What a descriptor's link reads, such as `socket:[4711]`; null when it is gone or refused. */
export function readLink(pid: number, fd: number, root: string = PROC): string | null {
  try {
    return readlinkSync(`${root}/${pid}/fd/${fd}`);
  } catch (error) {
    codeOf(error);
    return null;
  }
}

/** What stat(2) says about a descriptor's file, or the errno's name. */
export function statIno(
  pid: number,
  fd: number,
  root: string = PROC,
): { dev: bigint; ino: bigint; mode: bigint; rdev: bigint } | string {
  try {
    const stats = statSync(`${root}/${pid}/fd/${fd}`, { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? 'ENOENT' : { dev: stats.dev, ino: stats.ino, mode: stats.mode, rdev: stats.rdev };
  } catch (error) {
    return codeOf(error);
  }
}
