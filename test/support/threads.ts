/** A process with a great many threads: fixtures/threads.c, compiled once where `cc` exists. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { compile } from './compile.ts';

const SOURCE = new URL('./fixtures/threads.c', import.meta.url);

export interface Threads {
  pids: number[];
  tids: number[];
  /** How many there are: fewer than were wanted where the machine allows no more. */
  count: number;
  stop(): Promise<void>;
}

/** @param haveOwn - whether each has a descriptor table of its own */
export async function startThreads(count: number, haveOwn: boolean): Promise<Threads> {
  const words = haveOwn ? [`${count}`, 'own'] : [`${count}`];
  const proc = spawn(compile(SOURCE), words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(proc, 'exit');
  const [made] = (await once(proc.stdout, 'data')) as [Buffer];
  return {
    pids: [proc.pid as number],
    tids: readdirSync(`/proc/${proc.pid}/task`).map(Number),
    count: Number(made.toString()),
    async stop() {
      proc.kill('SIGKILL');
      await ended;
    },
  };
}
