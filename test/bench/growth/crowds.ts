/** Very many of one thing: processes, threads, epoll instances. Each crowd ends with this process, however that ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { startChild } from '../../support/child.ts';
import type { Threads } from '../../support/threads.ts';

export type Crowd = Omit<Threads, 'tids'>;

/** The lines that a program prints until it has printed so many of them, or ends. */
async function linesOf({ stdout }: ChildProcess, count: number): Promise<string[]> {
  const lines: string[] = [];
  if (stdout === null) throw new Error('no pipe');
  for await (const line of createInterface(stdout)) if (lines.push(line) === count) break;
  return lines;
}

/** Forks of a shell, the smallest processes there are; each waits for the end of a pipe, which this process holds. */
export async function processes(count: number): Promise<Crowd> {
  const script = `exec 3<&0; i=0; while [ $i -lt ${count} ]; do (read -r _ <&3) >/dev/null & echo $!; i=$((i+1)); done; echo; wait`;
  const proc = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const pids = (await linesOf(proc, count + 1)).map(Number).filter((pid) => pid > 0);
  const stop = async (): Promise<void> => {
    const ended = once(proc, 'exit');
    proc.stdin?.end();
    await ended;
  };
  return { pids, count: pids.length, stop };
}

/** How many descriptors each instance watches. */
const EACH = 4;

/** One process with so many epoll instances. */
export async function instances(count: number): Promise<Crowd & { efds: number[] }> {
  const child = await startChild({ wrapper: ['prlimit', `--nofile=${2 * EACH * count + 1024}:`] });
  const efds = await child.run(
    ({ libc }, count: number, each: number) => {
      const efds = Array.from({ length: count }, () => libc.epollCreate());
      for (const efd of efds)
        for (let i = 0; i < each; i++)
          libc.epollCtl(efd, libc.EPOLL_CTL_ADD, i % 2 === 0 ? libc.eventfd() : libc.pipe()[0]);
      return efds;
    },
    count,
    EACH,
  );
  return { pids: [child.pid], count, efds, stop: () => child.stop() };
}
