/**
 * Who asks beside a dead file server, a locked epoll instance and a process stuck in exec is never stuck himself: SIGINT
 * and SIGKILL, at whatever moment, end each command at once.
 */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startKcmp } from '../cli/command.ts';
import { type Child, startChild } from '../support/child.ts';
import { type FileServer, fuseMissing } from '../support/fuse.ts';
import { Random, SEED } from '../support/random.ts';
import { until } from '../support/until.ts';

const FUSE = new URL('../support/fuse.ts', import.meta.url).href;
const IN_EXEC = /^VmExe:\s+0 kB$/m;
/** Milliseconds: far more than it takes, for a machine that does ten other things. */
const LIMIT = 5000;
/** So long a command takes at most here, its start through tsx included. */
const LONGEST = 1500;
const TIMES = 3;

describe('beside those that wait for a dead file server', { skip: fuseMissing }, () => {
  let exec: Child;
  let poller: Child;
  let server: Child;
  let innocent: Child;
  let [held, fd, efd, lockedEfd] = [0, 0, 0, 0];

  before(async () => {
    // They cannot end before the server has.
    [exec, poller] = [await startChild(), await startChild()];
    [innocent, server] = [await startChild(), await startChild({ wrapper: ['unshare', '--mount'] })];
    const served = await server.run(async ({ keep }, url: string) => {
      const { startFileServer } = (await import(url)) as typeof import('../support/fuse.ts');
      keep['files'] = await startFileServer(undefined, true);
      return (keep['files'] as FileServer).fd;
    }, FUSE);
    const path = `/proc/${server.pid}/fd/${served}`;
    const open = ({ fs }: { fs: typeof import('node:fs') }, path: string): number => fs.openSync(path, 'r');
    await exec.run(open, path);
    held = await poller.run(open, path);
    lockedEfd = await poller.run(({ libc }) => libc.epollCreate());
    [fd, efd] = await innocent.run(({ libc }) => {
      const [read, write] = libc.pipe();
      const efd = libc.epollCreate();
      libc.epollCtl(efd, libc.EPOLL_CTL_ADD, read);
      return [write, efd] as const;
    });
    await server.run(({ keep }) => (keep['files'] as FileServer).die());
    exec.run(({ libc }) => libc.libc('int execv(str, void *)')('/bin/true', Buffer.alloc(8))).catch(() => {});
    poller
      .run(({ libc }, efd: number, fd: number) => libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd), lockedEfd, held)
      .catch(() => {});
    await until('one is stuck in exec', () => IN_EXEC.test(readFileSync(`/proc/${exec.pid}/status`, 'utf8')));
    await until('the other waits', () => readFileSync(`/proc/${poller.pid}/wchan`, 'latin1') === 'request_wait_answer');
  });
  after(async () => {
    for (const child of [server, innocent, exec, poller]) await child?.stop();
  });

  /** About everybody, about the innocent, and about those who wait, each by its own way in. */
  const questions = (): string[][] => [
    ['groups'],
    ['groups', '--tree', `${exec.pid}`],
    ['completion', 'candidates', 'who', ''],
    ['who', `${innocent.pid}:${fd}`],
    ['who', `${poller.pid}:${held}`],
    ['who', `${poller.pid}`],
    ['epoll', `${innocent.pid}:${efd}`],
    ['epoll', `${poller.pid}:${lockedEfd}`],
    ['inherited', `${exec.pid}`],
    ['tasks', `${exec.pid}`, `${poller.pid}`],
    ['same', `${exec.pid}:0`, `${poller.pid}:0`],
  ];

  /** Milliseconds from the signal to its end; 0 when it was done before. */
  async function endOf(question: string[], signal: 'SIGINT' | 'SIGKILL', delay: number): Promise<number> {
    const command = startKcmp(question, 'ignore');
    const ended = once(command, 'exit');
    await Promise.race([ended, sleep(delay)]);
    if (command.exitCode !== null) return 0;
    const start = performance.now();
    command.kill(signal);
    const isGone = await Promise.race([ended.then(() => true), sleep(LIMIT, false)]);
    assert.ok(isGone, `kcmp ${question.join(' ')} is there ${LIMIT} ms after ${signal}, sent after ${delay} ms`);
    return performance.now() - start;
  }

  test('every command ends at once by a signal at any moment', async (t) => {
    const random = new Random(SEED);
    t.diagnostic(`KCMP_SEED=${SEED}`);
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const lengths: number[] = [];
      for (let time = 0; time < TIMES; time++)
        for (const question of questions()) lengths.push(await endOf(question, signal, random.below(LONGEST)));
      const sent = lengths.filter((ms) => ms > 0);
      t.diagnostic(`${signal}: ${sent.length} were running, at most ${Math.max(...sent).toFixed(0)} ms`);
    }
  });
});
