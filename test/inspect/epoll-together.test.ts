/** All epoll instances of one process at once: the answers about each by itself, in a time that grows with their number. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EpollReport } from '../../src/index.ts';
import { resolveEpolls } from '../../src/inspect/epoll.ts';
import { type Child, startChild } from '../support/child.ts';
import { resolveEpoll } from '../support/door.ts';
import { noClock } from '../support/load.ts';

/**
 * Instances that watch eventfds of their own, and others that have moved, are shared, in flight, or only another process'.
 * @returns the instances, and the other process
 */
const fill = (child: Child): Promise<{ efds: number[]; other: number }> =>
  child.run(({ libc, childProcess }) => {
    const [here] = libc.socketpair();
    const common = libc.eventfd();
    const away: number[] = [];
    const efds = Array.from({ length: 20 }, (_, i) => {
      const efd = libc.epollCreate();
      const add = (fd: number): number => {
        libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
        return fd;
      };
      const [own, moved, twice, gone] = [0, 1, 2, 3].map(() => add(libc.eventfd())) as [number, number, number, number];
      add(common);
      add(libc.dup(twice));
      add(libc.pipe()[0]);
      libc.dup(own);
      libc.dup(moved);
      libc.dup2(libc.eventfd(), moved);
      if (i % 4 === 0) libc.sendFd(here, gone);
      else if (i % 4 === 1) libc.dup(gone);
      else away.push(libc.dup(gone));
      libc.close(gone);
      if (i % 8 === 0) libc.dup(efd);
      return efd;
    });
    for (const fd of efds) libc.closeOnExec(fd);
    const other = childProcess.spawn('cat', { stdio: ['pipe', 'ignore', 'ignore', ...away] }).pid as number;
    for (const fd of away) libc.close(fd);
    return { efds, other };
  });

const answerOf = (report: EpollReport | undefined): unknown => ({
  efd: report?.efd,
  instance: report?.instance,
  targets: report?.targets,
});

test('all at once are what each is by itself', async () => {
  await using child = await startChild();
  const { efds, other } = await fill(child);
  const pids = [child.pid, other];
  const all = resolveEpolls(child.pid, efds, { pids });
  for (const [i, efd] of efds.entries()) {
    const one = await resolveEpoll(child.pid, efd, { pids });
    assert.deepEqual(answerOf(all[i]), answerOf(one));
    assert.equal(all[i]?.stable, true);
  }
  const statuses = all.flatMap((report) => report?.targets.map(({ status }) => status) ?? []);
  assert.deepEqual(new Set(statuses), new Set(['live', 'renumbered', 'foreign', 'unresolved']));
});

test('so are those targets that hold still while others move', async () => {
  await using child = await startChild();
  const { efds, other } = await fill(child);
  const pids = [child.pid, other];
  const before = resolveEpolls(child.pid, efds, { pids });
  const places = await child.run(({ libc, keep }) => {
    const [one, two, place, watched] = [0, 1, 2, 3].map(() => libc.eventfd()) as [number, number, number, number];
    const efd = libc.epollCreate();
    libc.epollCtl(efd, libc.EPOLL_CTL_ADD, watched);
    let turn = 0;
    keep['flip'] = setInterval(() => {
      for (let i = 0; i < 20; i++) libc.dup2(turn++ % 3 === 0 ? one : turn % 3 === 1 ? two : watched, place);
    }, 1);
    return [efd, place];
  });
  for (let times = 0; times < 3; times++) {
    const now = resolveEpolls(child.pid, [...efds, ...places.slice(0, 1)], { pids });
    for (const [i] of efds.entries())
      assert.deepEqual(
        now[i]?.targets.map((target) => [target.status, target.holders]),
        before[i]?.targets.map((target) => [target.status, target.holders]),
      );
  }
});

test('eight times as many take about eight times as long', { skip: noClock }, async () => {
  const times: number[] = [];
  for (const count of [150, 1200]) {
    await using child = await startChild({ wrapper: ['prlimit', `--nofile=${4 * count + 200}:`] });
    const efds = await child.run(
      ({ libc }, count: number) =>
        Array.from({ length: count }, () => {
          const efd = libc.epollCreate();
          for (let i = 0; i < 2; i++) libc.epollCtl(efd, libc.EPOLL_CTL_ADD, libc.eventfd());
          return efd;
        }),
      count,
    );
    const took = [0, 1, 2].map(() => {
      const { user, system } = process.cpuUsage();
      resolveEpolls(child.pid, efds, { pids: [child.pid] });
      const now = process.cpuUsage();
      return now.user + now.system - user - system;
    });
    times.push(Math.min(...took));
  }
  const [few = 0, many = 0] = times;
  assert.ok(many < 25 * few, `${few} and ${many} µs`);
});
