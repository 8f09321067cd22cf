/** Under a seccomp filter that refuses one type of comparison and lets the others through. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type * as cli from '../cli/command.ts';
import { type Child, startChild } from '../support/child.ts';
import { type Family, familyMissing, startFamily } from '../support/family.ts';
import { CLONE_FILES } from '../support/libc.ts';
import { startThread } from '../support/scenes.ts';

const COMMAND = new URL('../cli/command.ts', import.meta.url).href;

describe('KCMP_FILE refused', () => {
  /** What a child answers about descriptors of its own, under one of two filters. */
  async function answers(isWhole: boolean): Promise<Record<string, unknown>> {
    await using child = await startChild();
    return await child.run(({ kcmp, libc, seccomp }, isWhole: boolean) => {
      const { pid } = process;
      const [socket, peer] = libc.socketpair();
      const event = libc.eventfd();
      const [copy, other] = [libc.dup(socket), libc.dup(event)];
      const efd = libc.epollCreate();
      for (const fd of [socket, event]) libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
      if (isWhole) seccomp.refuseKcmp('EPERM');
      else seccomp.refuseType(kcmp.KCMP_FILE, 'EPERM');
      const pids = [pid];
      // By their places here, since another child gets other numbers.
      const ends = [socket, copy, event, other];
      const fdsOf = (holders: Array<{ fd: number }>): number[] => holders.map(({ fd }) => ends.indexOf(fd));
      const reasonsOf = ({ skipped }: { skipped: Array<{ code: string; unit: string; reason: string }> }): string[] =>
        [...new Set(skipped.map(({ code, unit, reason }) => `${code} ${unit} ${reason}`))].sort();
      const found = kcmp.findHolders({ pid, fd: socket }, { pids });
      const grouped = kcmp.groupFiles({ pids });
      const resolved = kcmp.resolveEpoll(pid, efd, { pids });
      return {
        holders: [fdsOf(found.holders), reasonsOf(found.coverage)],
        groups: grouped.groups.map(({ holders }) => fdsOf(holders)).filter((fds) => fds.includes(0)),
        groupsSkipped: reasonsOf(grouped.coverage),
        targets: resolved.targets.map(({ tfd, status, via }) => `${ends.indexOf(tfd)} ${status} ${via}`).sort(),
        targetsSkipped: reasonsOf(resolved.coverage),
        identified: [copy, peer].map((fd) => kcmp.identifyFiles({ pid, fd: socket }, { pid, fd }).relation),
      };
    }, isWhole);
  }

  test('everything is answered as where the whole call is refused, with the filter as the reason', async () => {
    const [oneType, all] = [await answers(false), await answers(true)];
    assert.deepEqual(oneType, all);
    assert.deepEqual((oneType['holders'] as unknown[])[0], [0, 1]);
    assert.deepEqual(oneType['groups'], [[0, 1]]);
    assert.match(`${oneType['groupsSkipped']}`, /^EPERM descriptor a seccomp filter blocks kcmp/);
  });

  test("the plain call's error blames the filter, and that of another type does not", async () => {
    await using child = await startChild();
    const messages = await child.run(({ kcmp, seccomp }) => {
      seccomp.refuseType(kcmp.KCMP_FILE, 'EPERM');
      const { pid } = process;
      kcmp.compareTasks(pid, pid, 'vm');
      try {
        return [`${kcmp.sameFile({ pid, fd: 0 }, { pid, fd: 1 })}`];
      } catch (error) {
        return [(error as Error).message];
      }
    });
    assert.match(messages[0] ?? '', /a seccomp filter blocks kcmp in this process/);
  });
});

describe('KCMP_FILES refused', () => {
  const REASON = /^a seccomp filter forbids KCMP_FILES/;
  let child: Child;
  before(async () => {
    child = await startChild();
    await startThread(child, CLONE_FILES);
    // The command is loaded now: to load it opens files, and a table that changes looks like two.
    await child.run(async ({ kcmp, keep, seccomp }, source: string) => {
      await import(source);
      keep['before'] = kcmp.groupFiles({ pids: [process.pid], minHolders: 1 });
      seccomp.refuseType(kcmp.KCMP_FILES, 'EPERM');
    }, COMMAND);
  });
  after(() => child.stop());

  test('threads that share a table are not told to have tables of their own, which is said', async () => {
    const [before, now] = await child.run(({ kcmp, keep }) => [
      keep['before'] as ReturnType<typeof kcmp.groupFiles>,
      kcmp.groupFiles({ pids: [process.pid], minHolders: 1 }),
    ]);
    assert.ok((now?.coverage.tasks ?? 9) <= (before?.coverage.tasks ?? 0), `${now?.coverage.tasks} tables`);
    assert.deepEqual(before?.coverage.skipped, []);
    assert.deepEqual(
      now?.coverage.skipped.map(({ pid, code, unit }) => [pid, code, unit]),
      [[child.pid, 'EPERM', 'task']],
    );
    assert.match(now?.coverage.skipped[0]?.reason ?? '', REASON);
  });

  test('processes that share a table are told one by one, which is said', { skip: familyMissing }, async () => {
    const family: Family = await startFamily({ flags: CLONE_FILES });
    try {
      const { sharedTables, coverage } = await child.run(
        ({ kcmp }, pids: number[]) => kcmp.groupFiles({ pids }),
        [family.parent, family.child],
      );
      assert.deepEqual(sharedTables, []);
      assert.deepEqual(
        coverage.skipped.map(({ code, unit, count }) => [code, unit, count]),
        [['EPERM', 'task', 2]],
      );
      assert.match(coverage.skipped[0]?.reason ?? '', REASON);
    } finally {
      await family.stop();
    }
  });

  test('one table is told as ever', async () => {
    await using other = await startChild();
    const alone = await other.run(({ childProcess, keep }) => {
      const sleeper = childProcess.spawn('sleep', ['1000'], { stdio: 'ignore' });
      keep['sleeper'] = sleeper;
      process.once('exit', () => sleeper.kill());
      return sleeper.pid as number;
    });
    const { coverage } = await child.run(({ kcmp }, pid: number) => kcmp.groupFiles({ pids: [pid] }), alone);
    process.kill(alone);
    assert.deepEqual(coverage.skipped, []);
  });

  test('the command says so, each reason by itself, and does not take nothing for nothing', async () => {
    const { code, err, out } = await child.run(async ({ libc }, source: string) => {
      const { kcmp } = (await import(source)) as typeof cli;
      return kcmp('who', `${process.pid}:${libc.eventfd()}`);
    }, COMMAND);
    assert.equal(code, 2, out);
    assert.match(err, /\(pids? [\d, and more]+\): a seccomp filter forbids KCMP_FILES[^(]*\(EPERM\)/);
  });

  test('doctor says what is forbidden, and that the rest works', async () => {
    const { code, out } = await child.run(async (_, source: string) => {
      const { kcmp } = (await import(source)) as typeof cli;
      return kcmp('doctor');
    }, COMMAND);
    assert.equal(code, 1);
    assert.match(out, /^kcmp works here, with limits\.\n/);
    assert.match(out, /^A seccomp filter forbids to compare files\. To change that:/m);
  });
});

test('KCMP_EPOLL_TFD refused: who may watch a file is not told to be nobody', async () => {
  await using child = await startChild();
  const [watched, skipped] = await child.run(async ({ door, kcmp, libc, seccomp }) => {
    const { pid } = process;
    const [efd, fd] = [libc.epollCreate(), libc.eventfd()];
    libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
    const ask = () => door.findHolders({ pid, fd }, { pids: [pid], parts: ['watchers'] });
    const { watchers } = await ask();
    seccomp.refuseType(kcmp.KCMP_EPOLL_TFD, 'EPERM');
    return [watchers?.length, (await ask()).coverage.skipped.map(({ code, unit }) => [code, unit])] as const;
  });
  assert.equal(watched, 1);
  assert.deepEqual(skipped, [['EPERM', 'descriptor']]);
});
