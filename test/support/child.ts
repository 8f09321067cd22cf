/**
 * The one factory of fixtures: a real child process that runs functions given to it, so that a test
 * can give it any descriptors, threads or credentials, ask it what it sees, and end it.
 */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import './leash.ts';
import type { Tools } from './child-main.ts';

const MAIN = fileURLToPath(new URL('./child-main.ts', import.meta.url));

export interface ChildOptions {
  /** Descriptors to hand over as fd 4 and up. */
  fds?: number[];
  /** A command to start it with, such as `['setpriv', '--reuid=65534', …]`. */
  wrapper?: string[];
  uid?: number;
  gid?: number;
  env?: NodeJS.ProcessEnv;
}

export interface Child {
  /** The child's pid; with a wrapper that forks, the one it reports itself. */
  pid: number;
  process: ChildProcess;
  /**
   * Runs a function in the child and returns what it returns. The function is sent as text: it may use its
   * arguments and the tools, nothing around it.
   */
  run<T, A extends unknown[]>(body: (tools: Tools, ...args: A) => T | Promise<T>, ...args: A): Promise<T>;
  /** Ends it and waits until it is gone. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

type Reply = { id: number; value?: unknown; error?: { message: string; code?: string; stack?: string } };

export async function startChild(options: ChildOptions = {}): Promise<Child> {
  const { fds = [], wrapper = [], uid, gid, env } = options;
  const stdio: StdioOptions = ['ignore', 'inherit', 'inherit', 'ipc', ...fds];
  const command = [...wrapper, process.execPath, '--expose-gc', '--import', import.meta.resolve('tsx'), MAIN];
  const proc = spawn(command[0] as string, command.slice(1), {
    stdio,
    serialization: 'advanced',
    env: { ...process.env, ...env },
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  const ended = once(proc, 'exit');
  const failAll = (error: Error): void => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  proc.on('exit', (code, signal) =>
    failAll(Object.assign(new Error(`child ended: ${signal ?? code}`), { code: signal ?? `${code}` })),
  );
  proc.on('error', failAll);
  proc.on('message', ({ id, value, error }: Reply) => {
    const { resolve, reject } = waiting.get(id) ?? {};
    waiting.delete(id);
    if (error === undefined) resolve?.(value as never);
    else reject?.(Object.assign(new Error(error.message), error));
  });
  const child: Child = {
    pid: proc.pid ?? 0,
    process: proc,
    run: (body, ...args) =>
      new Promise((resolve, reject) => {
        const id = ++lastId;
        waiting.set(id, { resolve, reject });
        proc.send({ id, body: body.toString(), args }, (error) => {
          if (error !== null) reject(error);
        });
      }),
    async stop() {
      if (proc.exitCode === null && proc.signalCode === null) {
        proc.kill('SIGKILL');
        await ended;
      }
    },
    [Symbol.asyncDispose]: () => child.stop(),
  };
  child.pid = await child.run(() => process.pid);
  return child;
}
