/**
 * Processes that wait for a dead file server and keep a lock meanwhile: one in an exec that closes its file, for which
 * kcmp(2) and nearly all of /proc/PID wait, and one that adds its file to an epoll instance, whose list is locked then.
 * About all others every command answers as without them; about them it says that it could not look, at once.
 */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { kcmpProcess, type Result } from '../cli/command.ts';
import { type Child, startChild } from '../support/child.ts';
import { type FileServer, fuseMissing } from '../support/fuse.ts';
import { until } from '../support/until.ts';

const FUSE = new URL('../support/fuse.ts', import.meta.url).href;
const statusOf = (pid: number): string => readFileSync(`/proc/${pid}/status`, 'utf8');
const IN_EXEC = /^VmExe:\s+0 kB$/m;

describe('processes that wait for a dead file server', { skip: fuseMissing }, () => {
  let exec: Child;
  let poller: Child;
  let server: Child;
  let innocent: Child;
  /** Of the innocent: two descriptors of one file, and an epoll instance. Of the one that adds: its instance. */
  let [one, other, efd, lockedEfd] = [0, 0, 0, 0];
  const earlier = new Map<string, Result>();

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
    [one, other, efd] = await innocent.run(({ libc }): [number, number, number] => {
      const [read, write] = libc.pipe();
      const efd = libc.epollCreate();
      libc.epollCtl(efd, libc.EPOLL_CTL_ADD, read);
      return [write, libc.dup(write), efd];
    });
    await exec.run(({ fs }, path: string) => fs.openSync(path, 'r'), path);
    const [locked, file] = await poller.run(
      ({ fs, libc }, path: string): [number, number] => [libc.epollCreate(), fs.openSync(path, 'r')],
      path,
    );
    lockedEfd = locked;
    for (const question of questions()) earlier.set(question.join(' '), ask(question));
    await server.run(({ keep }) => (keep['files'] as FileServer).die());
    // Ends all other threads first, and never answers.
    exec.run(({ libc }) => libc.libc('int execv(str, void *)')('/bin/true', Buffer.alloc(8))).catch(() => {});
    poller
      .run(({ libc }, efd: number, fd: number) => libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd), locked, file)
      .catch(() => {});
    await until('one is stuck in exec', () => IN_EXEC.test(statusOf(exec.pid)));
    await until('the other waits', () => readFileSync(`/proc/${poller.pid}/wchan`, 'latin1') === 'request_wait_answer');
  });
  after(async () => {
    for (const child of [server, innocent, exec, poller]) await child?.stop();
  });

  const questions = (): string[][] => [
    ['who', `${innocent.pid}:${one}`],
    ['same', `${innocent.pid}:${one}`, `${innocent.pid}:${other}`],
    ['epoll', `${innocent.pid}:${efd}`],
    ['groups'],
    ['tasks', `${innocent.pid}`, `${process.pid}`],
    ['inherited', `${innocent.pid}`],
  ];

  function ask(question: string[]): Result {
    const result = kcmpProcess([...question, '--json']);
    assert.notEqual(result.code, null, `kcmp ${question.join(' ')} hangs`);
    return result;
  }

  /** What a command says but for what it could not look at, and what comes and goes. */
  const answerOf = ({ out }: Result): unknown =>
    JSON.parse(out, (key, value: unknown) => (key === 'coverage' || key === 'sharedTables' ? undefined : value));

  for (const name of ['who', 'same', 'epoll', 'tasks', 'inherited']) {
    test(`kcmp ${name} answers about another process as without them`, () => {
      const question = questions().find(([first]) => first === name) as string[];
      const now = ask(question);
      assert.deepEqual(answerOf(now), answerOf(earlier.get(question.join(' ')) as Result));
    });
  }

  test('kcmp groups finds what others share, and says whom it could not look at', () => {
    const { out } = ask(['groups']);
    const { groups, coverage } = JSON.parse(out) as {
      groups: Array<{ holders: Array<{ pid: number; fd: number }> }>;
      coverage: { skipped: Array<{ pid: number; code: string }> };
    };
    const found = groups.find(({ holders }) => holders.some(({ pid, fd }) => pid === innocent.pid && fd === one));
    assert.deepEqual(
      found?.holders.map(({ fd }) => fd),
      [one, other],
    );
    assert.deepEqual(
      coverage.skipped.filter(({ code }) => code === 'EBUSY').map(({ pid }) => pid),
      [exec.pid],
    );
  });

  const refused = (): string[][] => [
    ['who', `${exec.pid}:0`],
    ['same', `${exec.pid}:0`, `${innocent.pid}:0`],
    ['same', `${exec.pid}`, `${innocent.pid}`, '--type', 'vm'],
    ['epoll', `${exec.pid}`],
    ['epoll', `${exec.pid}:5`],
    ['inherited', `${exec.pid}`],
    ['inherited', `${innocent.pid}`, '--from', `${exec.pid}`],
    ['epoll', `${poller.pid}:${lockedEfd}`],
    ['epoll', `${poller.pid}`],
  ];
  test('about themselves it is said that they are busy', () => {
    for (const question of refused()) {
      const { code, err } = ask(question);
      assert.equal(code, 2, question.join(' '));
      assert.match(err, /EBUSY/, question.join(' '));
    }
  });

  test('kcmp tasks says what it could not compare', () => {
    const { code, out } = ask(['tasks', `${exec.pid}`, `${innocent.pid}`]);
    assert.equal(code, 2);
    assert.match(out, /EBUSY/);
  });
});
