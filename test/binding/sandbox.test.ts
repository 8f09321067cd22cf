/** Sandboxes that narrow what a process may compare without any filter: a pid namespace, and Landlock. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, describe, test } from 'node:test';
import { startChild, type Child } from '../support/child.ts';

const UNSHARE = ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--kill-child'];
const cannotUnshare =
  spawnSync(UNSHARE[0] as string, [...UNSHARE.slice(1), 'true']).status !== 0 &&
  'pid namespaces may not be created here';

const children: Child[] = [];
after(() => Promise.all(children.map((child) => child.stop())));
const start = async (options?: Parameters<typeof startChild>[0]): Promise<Child> => {
  const child = await startChild(options);
  children.push(child);
  return child;
};

/** What the child gets when it compares itself with another process: 'compared', or an error. */
const compareWith = (child: Child, pid: number): Promise<{ code?: string | undefined; message: string }> =>
  child.run(({ kcmp }, pid) => {
    try {
      kcmp.compareTasks(process.pid, pid, 'vm');
      return { message: 'compared' };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return { code, message };
    }
  }, pid);

describe('in a pid namespace', () => {
  test('a process outside is ESRCH, and the call is available', { skip: cannotUnshare }, async () => {
    const inside = await start({ wrapper: UNSHARE });
    const { code, message } = await compareWith(inside, process.pid);
    assert.equal(code, 'ESRCH');
    assert.match(message, new RegExp(`pid ${process.pid} does not exist in this pid namespace`));
    assert.equal(await inside.run(({ kcmp }) => kcmp.probe().status), 'available');
  });
});

describe('under Landlock', () => {
  test('a process outside is EPERM, which names it, an earlier child included; the call is available', async (t) => {
    const confined = await start();
    const earlier = await confined.run(({ childProcess, keep }) => {
      const sleeper = childProcess.spawn('sleep', ['1000'], { stdio: 'ignore' });
      keep['sleeper'] = sleeper;
      return sleeper.pid as number;
    });
    try {
      assert.equal((await compareWith(confined, earlier)).message, 'compared');
      const refusal = await confined.run(({ landlock }) => landlock.confine());
      if (refusal !== undefined) return t.skip(`no Landlock here: ${refusal}`);
      for (const pid of [process.pid, earlier]) {
        const { code, message } = await compareWith(confined, pid);
        assert.equal(code, 'EPERM');
        assert.match(message, new RegExp(`pid ${pid} may not be inspected: .*outside of this sandbox`));
      }
      assert.equal((await compareWith(confined, confined.pid)).message, 'compared');
      assert.equal(await confined.run(({ kcmp }) => kcmp.probe().status), 'available');
    } finally {
      process.kill(earlier, 'SIGKILL');
    }
  });
});
