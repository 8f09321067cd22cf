/** Scenes for the inspectors: threads, zombies and processes of other users, and the truth about their descriptors. */
import { setTimeout as sleep } from 'node:timers/promises';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import './leash.ts';
import { sameFile, type Coverage, type FileGroup, type FileRef } from '../../src/index.ts';
import type { Child } from './child.ts';
import { until } from './until.ts';

const WORKER = new URL('./worker.ts', import.meta.url).href;

export const numbersIn = (path: string): number[] =>
  readdirSync(path)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** The fields of /proc/PID/stat from the state on; the name before them may hold anything. */
export const statOf = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
/** Waits until a process that was started as something else has become this program. */
export const untilNamed = (pid: number, command: string): Promise<true> =>
  until(`${pid} is ${command}`, () => readFileSync(`/proc/${pid}/comm`, 'utf8') === `${command}\n`);

export const isZombie = (pid: number): boolean => statOf(pid)[0] === 'Z';

/** Starts a thread in a child that stops sharing some resources with it; returns its id. */
export const startThread = (child: Child, flags: number = 0, closes: number[] = []): Promise<number> =>
  child.run(
    async ({ keep }, worker: string, flags: number, closes: number[]) => {
      const { startWorker } = (await import(worker)) as typeof import('./worker.ts');
      const thread = startWorker('./thread.ts', { flags, closes });
      keep[`thread ${Math.random()}`] = thread;
      return new Promise<number>((resolve, reject) => thread.on('error', reject).on('message', resolve));
    },
    WORKER,
    flags,
    closes,
  );

/** Ends the main thread of a child, whose other threads live on: the leader stays as a zombie. */
export async function endLeader(child: Child): Promise<void> {
  child
    .run(({ libc }) =>
      libc.syscall(process.arch === 'x64' ? 60 : ['arm64', 'riscv64', 'loong64'].includes(process.arch) ? 93 : 1, 0),
    )
    .catch(() => {}); // it never answers
  await until(`the leader ${child.pid} is a zombie`, () => isZombie(child.pid));
}

/** A check that has to hold once: the threads of a Node process open and close files of their own at times. */
export async function onceOfTen(check: () => unknown): Promise<void> {
  for (let time = 1; ; time++) {
    try {
      await check();
      return;
    } catch (error) {
      if (time === 10) throw error;
      await sleep(5 * time);
    }
  }
}

export interface Zombies {
  pids: [number, number];
  stop(): Promise<void>;
}

/** Two processes that have ended below a parent that never collects them. */
export async function startZombies(): Promise<Zombies> {
  // They end when the shell is no shell any more, since some shells collect what ends below them.
  const script = 'cat <&3 >/dev/null & a=$!; cat <&3 >/dev/null & echo $a $!; exec sleep 1000';
  const parent = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
  const ended = once(parent, 'exit');
  const [line] = (await once(parent.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  const pids = line.toString().trim().split(' ').map(Number) as [number, number];
  await untilNamed(parent.pid as number, 'sleep');
  (parent.stdio[3] as NodeJS.WritableStream).end();
  await until('both have ended', () => pids.every(isZombie));
  return {
    pids,
    async stop() {
      parent.kill('SIGKILL');
      await ended;
    },
  };
}

/** Every pair of these descriptors is of one group exactly when the kernel says that they are one description. */
export function assertGrouped(groups: FileGroup[], descriptors: FileRef[]): void {
  const groupOf = new Map(
    groups.flatMap(({ id, holders }) => holders.map(({ pid, fd }) => [`${pid}:${fd}`, id] as const)),
  );
  const ids = descriptors.map(({ pid, fd }) => groupOf.get(`${pid}:${fd}`));
  const wrong: string[] = [];
  for (const [i, a] of descriptors.entries()) {
    if (ids[i] === undefined) wrong.push(`${a.pid}:${a.fd} is in no group`);
    for (const [j, b] of descriptors.slice(0, i).entries()) {
      if (sameFile(a, b) !== (ids[i] === ids[j]))
        wrong.push(`${a.pid}:${a.fd} and ${b.pid}:${b.fd} are in groups ${ids[i]} and ${ids[j]}`);
    }
  }
  assert.deepEqual(wrong, []);
}

/** How many of a unit were skipped. */
export const skippedOf = ({ skipped }: Coverage, unit: 'process' | 'task' | 'descriptor'): number =>
  skipped.reduce((sum, entry) => sum + (entry.unit === unit ? entry.count : 0), 0);
