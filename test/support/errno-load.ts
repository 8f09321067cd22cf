/**
 * Calls of kcmp(2) that succeed and fail in turn, for different reasons, among allocations and system calls that
 * fail otherwise: has each error the code of its own call? Also runs as a worker thread.
 */
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { kcmp, KcmpError } from '../../src/index.ts';
import { close, epollCreate, epollCtl, EPOLL_CTL_ADD, eventfd } from './libc.ts';

export interface Count {
  wrong: string[];
  asked: number;
}

export function countWrong(seed: number, rounds: number): Count {
  const { pid } = process;
  const efd = epollCreate();
  const other = eventfd();
  const watched = eventfd();
  epollCtl(efd, EPOLL_CTL_ADD, watched);
  const calls: Array<[string, () => unknown]> = [
    ['EBADF', () => kcmp(pid, pid, 0, 1_000_000, 1)],
    ['ESRCH', () => kcmp(2 ** 31 - 1, pid, 1)],
    ['EINVAL', () => kcmp(pid, pid, 7, other, { efd: other, tfd: 1 })],
    ['ENOENT', () => kcmp(pid, pid, 7, other, { efd, tfd: 1 })],
    ['0', () => kcmp(pid, pid, 7, watched, { efd, tfd: watched })],
  ];
  const wrong: string[] = [];
  let litter: unknown[] = [];
  for (let round = 0; round < rounds; round++) {
    litter.push(new Array(200).fill(round), Buffer.alloc(64), `${round}`.repeat(20));
    if (litter.length > 3000) litter = [];
    if (round % 7 === 0) tryRead();
    const [expected, call] = calls[(round + seed) % calls.length] as [string, () => unknown];
    const code = codeOf(call);
    if (code !== expected) wrong.push(`${code} instead of ${expected}`);
  }
  [efd, other, watched].forEach(close);
  return { wrong, asked: rounds };
}

/** A call of the file system that fails, and leaves its own errno behind. */
function tryRead(): void {
  try {
    readFileSync('/nonexistent/ENOENT');
  } catch {}
}

function codeOf(call: () => unknown): string {
  try {
    return `${call()}`;
  } catch (error) {
    return error instanceof KcmpError ? error.code : String(error);
  }
}

const { seed, rounds } = (workerData ?? {}) as { seed?: number; rounds?: number };
if (seed !== undefined && rounds !== undefined) parentPort?.postMessage(countWrong(seed, rounds));
