/** The inspectors' door: arguments are checked here, once. */
import { badInt31, badType, isInt31 } from '../binding/arguments.ts';
import type { FileRef } from '../binding/kcmp.ts';

/** Options of every inspector that looks at many processes. */
export interface ScanOptions {
  /** The processes to look at; every process of /proc when left out. */
  pids?: Iterable<number>;
  /** Told now and then how many processes are done. */
  onProgress?: (done: number, total: number) => void;
}

export function checkPid(value: unknown, name: string): asserts value is number {
  if (!isInt31(value)) throw badInt31(name, value);
}

/** A copy, so that a caller's object cannot change underneath. */
export function checkFile(value: FileRef, name: string): FileRef {
  if (typeof value !== 'object' || value === null) throw badType(name, 'an object { pid, fd }', value);
  const { pid, fd } = value;
  checkPid(pid, `${name}.pid`);
  checkPid(fd, `${name}.fd`);
  return { pid, fd };
}

export function checkOptions<T extends object>(value: T | undefined): T | undefined {
  if (value !== undefined && (typeof value !== 'object' || value === null))
    throw badType('options', 'an object', value);
  return value;
}

interface CheckedScan {
  /** Each once; undefined for every process. */
  pids: number[] | undefined;
  onProgress: ScanOptions['onProgress'] | undefined;
}

export function checkProgress(options: Pick<ScanOptions, 'onProgress'> | undefined): ScanOptions['onProgress'] {
  const { onProgress } = options ?? {};
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw badType('options.onProgress', 'a function', onProgress);
  return onProgress;
}

/** A copy, as of {@link checkFile}. */
export function checkScan(options: ScanOptions | undefined): CheckedScan {
  const { pids } = checkOptions(options) ?? {};
  const onProgress = checkProgress(options);
  if (pids === undefined) return { pids, onProgress };
  if (typeof pids !== 'object' || pids === null || typeof pids[Symbol.iterator] !== 'function') {
    throw badType('options.pids', 'an iterable of pids', pids);
  }
  const asked = new Set<number>();
  for (const pid of pids) {
    checkPid(pid, 'options.pids');
    asked.add(pid);
  }
  return { pids: [...asked], onProgress };
}
