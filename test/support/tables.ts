/** A process in which a thread has a table that its first thread has not: fixtures/tables.c, compiled once where `cc` exists. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { compile } from './compile.ts';

const SOURCE = new URL('./fixtures/tables.c', import.meta.url);

export interface Tables {
  pid: number;
  tid: number;
  /** Of the thread: an epoll instance, of which the only target is stale. */
  efd: number;
  stop(): Promise<void>;
}

/** @param how - whether the thread has one of its own, or the first thread has ended */
export async function startTables(how: 'own' | 'ended'): Promise<Tables> {
  const proc = spawn(compile(SOURCE), [how], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(proc, 'exit');
  const [line] = (await once(proc.stdout, 'data')) as [Buffer];
  const [pid = 0, tid = 0, efd = 0] = line.toString().trim().split(' ').map(Number);
  return {
    pid,
    tid,
    efd,
    async stop() {
      proc.stdin.end();
      await ended;
    },
  };
}
