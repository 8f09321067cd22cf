/** Processes that wait for the events of a great many targets, and tell how often they got any: what looking costs them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { compile } from './compile.ts';
import { until } from './until.ts';

const SOURCE = new URL('./fixtures/turns.c', import.meta.url);

export type Targets = 'eventfds' | 'sockets';

export interface Turner {
  pid: number;
  efd: number;
  /** Its own, and those of its children that keep targets open. */
  pids: number[];
  /** When it told last, and how often epoll_wait(2) had returned by then. */
  told: { ms: number; turns: number };
  stop(): Promise<void>;
}

export async function startTurner(targets: Targets, count: number): Promise<Turner> {
  const proc: ChildProcess = spawn(compile(SOURCE), [targets, `${count}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => void proc.once('exit', () => resolve()));
  const turner: Turner = {
    pid: proc.pid ?? 0,
    efd: -1,
    pids: [],
    told: { ms: 0, turns: 0 },
    async stop() {
      proc.kill('SIGKILL');
      await ended;
    },
  };
  if (proc.stdout === null) throw new Error('no pipe');
  createInterface(proc.stdout).on('line', (line) => {
    const [first = 0, ...others] = line.split(' ').map(Number);
    if (turner.efd >= 0) turner.told = { ms: first, turns: others[0] ?? 0 };
    else Object.assign(turner, { efd: first, pids: [turner.pid, ...others] });
  });
  await until('it takes turns', () => proc.exitCode !== null || turner.told.turns > 0);
  if (proc.exitCode !== null) throw new Error(`ended with ${proc.exitCode}`);
  return turner;
}

/** How many turns a second each takes while something goes on. */
export async function during(turners: readonly Turner[], what: () => Promise<unknown>): Promise<number[]> {
  const before = turners.map(({ told }) => told);
  await what();
  // Whoever was held up tells late.
  const end = Math.max(...turners.map(({ told }) => told.ms)) + 200;
  await until('all have told', () => turners.every(({ told }) => told.ms >= end));
  return turners.map(({ told }, i) => {
    const { ms = 0, turns = 0 } = before[i] ?? {};
    return (1000 * (told.turns - turns)) / (told.ms - ms);
  });
}

/** Which share of its turns one keeps while something goes on, beside another that nobody looks at. */
export async function shareKept(watched: Turner, control: Turner, what: () => Promise<unknown>): Promise<number> {
  const [aloneWatched = NaN, aloneControl = NaN] = await during([watched, control], () => sleep(2000));
  const [nowWatched = NaN, nowControl = NaN] = await during([watched, control], what);
  return nowWatched / nowControl / (aloneWatched / aloneControl);
}
