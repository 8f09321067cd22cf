/** The inspectors' door: arguments are checked here, once. */
import { badInt31, badType, badValue, isInt31 } from '../binding/arguments.ts';
import { readOptions, readValues } from '../binding/read.ts';

/** Options of every inspector that looks at many processes. */
export interface ScanOptions {
  /** The processes to look at; every process of /proc when left out. */
  pids?: Iterable<number> | undefined;
  /** Told now and then how much of all the work is done, in thousandths; never goes back, and ends with `done === total`. What it throws ends the question. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

export function checkPid(value: unknown, name: string): asserts value is number {
  if (!isInt31(value)) throw badInt31(name, value);
}

interface CheckedScan {
  /** Each once; undefined for every process. */
  pids: number[] | undefined;
  onProgress: ScanOptions['onProgress'] | undefined;
}

export function checkProgress({ onProgress }: Pick<ScanOptions, 'onProgress'>): ScanOptions['onProgress'] {
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw badType('options.onProgress', 'a function', onProgress);
  return onProgress;
}

/** A list of ids, each once. */
export function checkIds(ids: Iterable<number>, name: string, expected: string): number[] {
  const given = readValues(ids, name, expected, isInt31);
  for (const id of given) checkPid(id, name);
  return [...new Set(given)];
}

/** A copy, so that a caller's object cannot change underneath. */
export function checkScan(options: ScanOptions | undefined): CheckedScan {
  const { pids, ...others } = readOptions(options, ['pids', 'onProgress']);
  const onProgress = checkProgress(others);
  return { pids: pids === undefined ? pids : checkIds(pids, 'options.pids', 'an iterable of pids'), onProgress };
}

const PARTS = ['otherEnd', 'elsewhere', 'locks', 'watchers'] as const;

/**
 * A part of a report that a caller may do without. `otherEnd`: what a file is connected to, and who holds that.
 * `elsewhere`: what keeps it open without a descriptor. `locks`: the locks that it keeps, and those that a holder waits for.
 * `watchers`: the epoll instances that watch it.
 */
export type Part = (typeof PARTS)[number];

const isPart = (value: unknown): value is Part => (PARTS as readonly unknown[]).includes(value);
const isText = (value: unknown): boolean => typeof value === 'string';

/** Those that are wanted: all when left out. */
export function checkParts(parts: Iterable<Part> | undefined): ReadonlySet<Part> {
  if (parts === undefined) return new Set(PARTS);
  const given = readValues(parts, 'options.parts', 'an iterable of names of parts', isText);
  for (const part of given) if (!isPart(part)) throw badValue('options.parts', `made of ${PARTS.join(', ')}`, part);
  return new Set(given);
}
