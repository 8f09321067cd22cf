/**
 * A file server that answers nothing any more, while processes have its file open: every question is answered as when the
 * server lived, in bounded time. Each is asked by a process of its own, which is killed when it hangs.
 */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { kcmpProcess } from '../cli/command.ts';
import { type Child, startChild } from '../support/child.ts';
import { fuseMissing } from '../support/fuse.ts';

const FUSE = new URL('../support/fuse.ts', import.meta.url).href;
const DEADLINE_MS = 30_000;
type Filter = 'kcmp' | 'statx' | undefined;
const FILTERS: Filter[] = [undefined, 'kcmp', 'statx'];
/** The descriptors of the process that was started with the file: twice of one description, once of another file. */
const [FIRST, SECOND, INNOCENT] = [3, 4, 5];

describe('with a file server that is dead', { skip: fuseMissing }, () => {
  let server: Child;
  let pid: number;
  const living = new Map<string, unknown>();
  const asking: Child[] = [];

  before(async () => {
    server = await startChild({ wrapper: ['unshare', '--mount'] });
    pid = await server.run(async ({ childProcess, fs, keep }, source: string) => {
      const { startFileServer } = (await import(source)) as typeof import('../support/fuse.ts');
      const files = await startFileServer();
      keep['files'] = files;
      const innocent = fs.openSync('/etc/passwd', 'r');
      const stdio = ['ignore', 'ignore', 'ignore', files.fd, files.fd, innocent] as const;
      // It ends with this process, which cuts the connection: before that it could not close the file.
      const sleeper = childProcess.spawn('setpriv', ['--pdeathsig=KILL', 'sleep', '1000'], { stdio: [...stdio] });
      return sleeper.pid as number;
    }, FUSE);
    for (const question of commands()) living.set(question.join(' '), answer(question));
    for (const filter of FILTERS) living.set(`${filter}`, await report(filter));
    await server.run(({ keep }) => (keep['files'] as import('../support/fuse.ts').FileServer).die());
  });
  after(async () => {
    await server?.stop();
    for (const child of asking) await child.stop();
  });

  const commands = (): string[][] => [
    ['who', `${pid}:${INNOCENT}`],
    ['who', `${pid}:${FIRST}`],
    ['groups', `${pid}`, `${server.pid}`],
    ['inherited', `${pid}`],
    ['same', `${pid}:${FIRST}`, `${pid}:${SECOND}`],
    ['same', `${pid}:${FIRST}`, `${pid}:${INNOCENT}`],
    ['epoll', `${server.pid}`],
    ['tasks', `${pid}`, `${server.pid}`],
  ];

  /** What a command answers; of other processes, which come and go, nothing. */
  function answer(question: string[]): unknown {
    const { code, out, err } = kcmpProcess([...question, '--json']);
    assert.notEqual(code, null, `kcmp ${question.join(' ')} hangs`);
    assert.notEqual(out, '', err);
    return JSON.parse(out, (key, value: unknown) => (key === 'coverage' ? undefined : value));
  }

  /** What the library answers in a process that may be refused a system call, as in a container. */
  async function report(filter: Filter): Promise<unknown> {
    const child = await startChild();
    asking.push(child);
    const asked = child.run(
      ({ kcmp, seccomp }, filter: Filter, pid: number, other: number) => {
        if (filter !== undefined) seccomp.refuse(filter, 'EPERM');
        const pids = [pid, other];
        const [first, second, innocent] = [
          { pid, fd: 3 },
          { pid, fd: 4 },
          { pid, fd: 5 },
        ];
        return {
          holders: [first, innocent].map((file) => kcmp.findHolders(file, { pids })),
          groups: kcmp.groupFiles({ pids, minHolders: 1 }),
          inherited: kcmp.findInherited(pid),
          same: [kcmp.identifyFiles(first, second), kcmp.identifyFiles(first, innocent)],
        };
      },
      filter,
      pid,
      server.pid,
    );
    const answered = await Promise.race([asked.catch(String), sleep(DEADLINE_MS, undefined, { ref: false })]);
    await child.stop();
    assert.ok(answered !== undefined, 'the library hangs');
    return answered;
  }

  test('a stat of its file hangs, so that all of this means something', async () => {
    const child = await startChild();
    asking.push(child);
    const asked = child.run(({ fs }, path: string) => fs.statSync(path).ino, `/proc/${pid}/fd/${FIRST}`);
    assert.equal(await Promise.race([asked.catch(String), sleep(2000, 'hangs')]), 'hangs');
    await child.stop();
  });

  for (const name of ['who', 'groups', 'inherited', 'same', 'epoll', 'tasks']) {
    test(`kcmp ${name} answers as if it lived`, () => {
      for (const question of commands().filter(([first]) => first === name))
        assert.deepEqual(answer(question), living.get(question.join(' ')), question.join(' '));
    });
  }

  for (const filter of FILTERS) {
    test(`the library answers as if it lived${filter === undefined ? '' : `, where ${filter} is refused too`}`, async () => {
      assert.deepEqual(await report(filter), living.get(`${filter}`));
    });
  }
});
