/** resolveEpoll of more targets than are all compared: sockets may be told by their inodes there. */
import { beforeCalls } from '../support/before-calls.ts';
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { syscallNumbers } from '../../src/binding/syscall.ts';
import type { EpollReport, EpollTarget } from '../../src/index.ts';
import { resolveEpolls } from '../../src/inspect/epoll.ts';
import { kcmpJson } from '../cli/command.ts';
import { type Child, startChild } from '../support/child.ts';
import { resolveEpoll } from '../support/door.ts';

const MANY = 10_000;

describe('above 10,000 targets', () => {
  let child: Child;
  let [efd, first, copy, event, moved, away] = [0, 0, 0, 0, 0, 0];

  before(async () => {
    child = await startChild({ wrapper: ['prlimit', '--nofile=16000:'] });
    [efd, first, copy, event, moved, away] = await child.run(({ fs, libc }, count: number) => {
      const efd = libc.epollCreate();
      const add = (fd: number): number => {
        libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
        return fd;
      };
      const [first, moved] = libc.socketpair().map(add) as [number, number];
      for (let i = 2; i < count; i += 2) libc.socketpair().map(add);
      const copy = libc.dup(first);
      const O_PATH = 0o10000000;
      // Another description of the same number, which is no socket.
      fs.openSync(`/proc/self/fd/${first}`, O_PATH);
      const event = add(libc.eventfd());
      const away = libc.dup(moved);
      libc.dup2(libc.eventfd(), moved);
      return [efd, first, copy, event, moved, away] as const;
    }, MANY + 2);
  });
  after(() => child.stop());

  const targetOf = ({ targets }: EpollReport, tfd: number): EpollTarget =>
    targets.find((target) => target.tfd === tfd) as EpollTarget;
  const at = (...fds: number[]): unknown => fds.map((fd) => ({ pid: child.pid, fd }));

  for (const exact of [false, true]) {
    const via = exact ? undefined : 'socket-inode';
    test(`${exact ? 'each is compared when that is asked for' : 'sockets are told by their inodes'}`, async () => {
      const report = await resolveEpoll(child.pid, efd, { pids: [child.pid], exact });
      assert.equal(report.targets.length, MANY + 3);
      assert.deepEqual(targetOf(report, first).holders, at(first, copy));
      assert.equal(targetOf(report, first).via, via);
      assert.deepEqual(targetOf(report, event).holders, at(event));
      assert.equal(targetOf(report, event).via, undefined);
      const { status, holders, numberReused } = targetOf(report, moved);
      assert.deepEqual([status, holders, numberReused], ['renumbered', at(away), true]);
      assert.equal(report.targets.filter((target) => target.via === via).length, exact ? MANY + 3 : MANY + 2);
      assert.equal(report.targets.filter((target) => target.status === 'live').length, MANY + 2);
    });
  }

  test('of up to 10,000 each is compared', async () => {
    await using other = await startChild({ wrapper: ['prlimit', '--nofile=16000:'] });
    const efd = await other.run(({ libc }, count: number) => {
      const efd = libc.epollCreate();
      for (let i = 0; i < count; i += 2) for (const fd of libc.socketpair()) libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
      return efd;
    }, MANY);
    const { targets } = await resolveEpoll(other.pid, efd, { pids: [other.pid] });
    assert.ok(targets.every(({ status, via }) => status === 'live' && via === undefined));
  });

  test('kcmp epoll --exact compares each', async () => {
    const viaOf = async (...args: string[]): Promise<unknown[]> => {
      const { report } = await kcmpJson<EpollReport>('epoll', `${child.pid}:${efd}`, ...args);
      return [...new Set(report.targets.map(({ via }) => via))].sort();
    };
    assert.deepEqual(await viaOf(), ['socket-inode', undefined]);
    assert.deepEqual(await viaOf('--exact'), [undefined]);
  });

  test('exact is true or false', async () => {
    const options = { exact: 1 } as never;
    await assert.rejects(async () => resolveEpoll(child.pid, efd, options), { code: 'ERR_INVALID_ARG_TYPE' });
  });
});

test('all instances of a process are told with one scan, as each by itself is', async () => {
  await using child = await startChild();
  const efds = await child.run(({ libc }) =>
    Array.from({ length: 100 }, () => {
      const efd = libc.epollCreate();
      for (const fd of [...libc.pipe(), libc.eventfd()]) libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
      return efd;
    }),
  );
  const { getdents64 } = syscallNumbers();
  let listings = 0;
  beforeCalls((number) => void (number === getdents64 && listings++));
  resolveEpolls(child.pid, efds.slice(0, 1), {});
  const one = listings;
  const all = resolveEpolls(child.pid, efds, {});
  beforeCalls(undefined);
  assert.ok(one > 0 && listings - one < 3 * one, `one took ${one} listings, ${efds.length} took ${listings - one}`);
  for (const [i, report] of all.entries()) {
    if (i % 20 !== 0) continue;
    const alone = await resolveEpoll(child.pid, efds[i] as number, { pids: [child.pid] });
    assert.deepEqual([report?.instance, report?.targets], [alone.instance, alone.targets]);
    assert.deepEqual(
      report?.targets.map(({ status }) => status),
      ['live', 'live', 'live'],
    );
  }
});

test('an instance that is closed meanwhile is left out of many', async () => {
  await using child = await startChild();
  const [efd, event] = await child.run(({ libc }): [number, number] => [libc.epollCreate(), libc.eventfd()]);
  const [first, second] = resolveEpolls(child.pid, [efd, event], {});
  assert.deepEqual([first?.efd, second], [efd, undefined]);
});
