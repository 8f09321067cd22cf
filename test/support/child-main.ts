/** What every fixture process runs: functions that its parent sends. */
import * as fs from 'node:fs';
import * as childProcess from 'node:child_process';
import * as net from 'node:net';
import * as os from 'node:os';
import * as workerThreads from 'node:worker_threads';
import * as kcmp from '../../src/index.ts';
import * as door from './door.ts';
import * as landlock from './landlock.ts';
import * as libc from './libc.ts';
import * as locks from './locks.ts';
import * as seccomp from './seccomp.ts';
import * as sockets from './sockets.ts';
import { startWorker } from './worker.ts';

/** What a function sent to a child may use; `keep` lasts from one function to the next. */
export interface Tools {
  fs: typeof fs;
  childProcess: typeof childProcess;
  net: typeof net;
  os: typeof os;
  workerThreads: typeof workerThreads;
  kcmp: typeof kcmp;
  /** The scans by the door that is tested, each a promise. */
  door: typeof door;
  landlock: typeof landlock;
  libc: typeof libc;
  locks: typeof locks;
  seccomp: typeof seccomp;
  sockets: typeof sockets;
  startWorker: typeof startWorker;
  keep: Record<string, unknown>;
}
const tools: Tools = {
  fs,
  childProcess,
  net,
  os,
  workerThreads,
  kcmp,
  door,
  landlock,
  libc,
  locks,
  seccomp,
  sockets,
  startWorker,
  keep: {},
};

// tsx names functions by a helper that a function sent as text would miss.
Object.assign(globalThis, { __name: (target: unknown) => target });

process.on('disconnect', () => process.exit());
process.on('message', async ({ id, body, args }: { id: number; body: string; args: unknown[] }) => {
  try {
    const run = (0, eval)(`(${body})`) as (tools: Tools, ...args: unknown[]) => unknown;
    process.send?.({ id, value: await run(tools, ...args) });
  } catch (error) {
    const { message, code, stack } = error as NodeJS.ErrnoException;
    process.send?.({ id, error: { message, code, stack } });
  }
});
