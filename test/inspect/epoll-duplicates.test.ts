/** resolveEpoll: several files under one number, one file under several numbers, several opens of one inode. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import type { EpollReport } from '../../src/inspect/epoll.ts';
import type { EpollTarget } from '../../src/inspect/epoll/targets.ts';
import { assertTrue, Fds, refs } from '../support/brute.ts';
import { resolveEpoll } from '../support/door.ts';
import * as libc from '../support/libc.ts';
import '../support/leash.ts';

const me = process.pid;
const fds = new Fds();
afterEach(() => fds.closeAll());

async function resolve(efd: number): Promise<EpollReport> {
  const report = await resolveEpoll(me, efd, { pids: [me] });
  assertTrue(report, [me]);
  return report;
}

const mine = (...numbers: number[]): { pid: number; fd: number }[] => refs(numbers.map((fd) => ({ pid: me, fd })));

/** The target that was registered with this data, which is how a scene marks its items. */
function marked({ targets }: EpollReport, data: bigint): EpollTarget {
  const [target, ...others] = targets.filter((candidate) => candidate.data === data);
  assert.ok(target !== undefined && others.length === 0, `${others.length} more targets marked ${data}`);
  return target;
}

test('two files registered under one number resolve to the descriptor of each', async () => {
  const number = fds.eventfd();
  const efd = fds.epoll();
  libc.epollCtl(efd, libc.EPOLL_CTL_ADD, number, libc.EPOLLIN, 1n);
  const first = fds.dup(number);
  const second = fds.eventfd();
  fds.dup2(second, number);
  libc.epollCtl(efd, libc.EPOLL_CTL_ADD, number, libc.EPOLLIN, 2n);

  const report = await resolve(efd);
  assert.deepEqual(
    report.targets.map(({ tfd, toff }) => [tfd, toff]),
    [
      [number, 0],
      [number, 1],
    ],
  );
  assert.deepEqual(refs(marked(report, 1n).holders), mine(first));
  assert.deepEqual(refs(marked(report, 2n).holders), mine(number, second));
  assert.deepEqual([marked(report, 1n).status, marked(report, 1n).numberReused], ['renumbered', true]);
  assert.deepEqual([marked(report, 2n).status, marked(report, 2n).numberReused], ['live', false]);
});

test('one file registered under two numbers is two targets, each with both holders', async () => {
  const [first] = fds.pipe();
  const second = fds.dup(first);
  const report = await resolve(fds.epoll(first, second));
  assert.equal(report.targets.length, 2);
  for (const { toff, status, holders } of report.targets) {
    assert.deepEqual([toff, status, refs(holders)], [0, 'live', mine(first, second)]);
  }
});

test('one file under two numbers, one of them closed, is one live target and one renumbered', async () => {
  const [first] = fds.pipe();
  const second = fds.dup(first);
  const efd = fds.epoll(first, second);
  fds.close(first);
  const report = await resolve(efd);
  assert.equal(marked(report, BigInt(first)).status, 'renumbered');
  assert.equal(marked(report, BigInt(second)).status, 'live');
});

test('of three files under one number, one live, one moved and one in flight each get their own status', async () => {
  const [here] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
  const efd = fds.epoll();
  const number = fds.eventfd();
  libc.epollCtl(efd, libc.EPOLL_CTL_ADD, number, libc.EPOLLIN, 1n);
  libc.sendFd(here, number);
  fds.dup2(fds.eventfd(), number);
  libc.epollCtl(efd, libc.EPOLL_CTL_ADD, number, libc.EPOLLIN, 2n);
  fds.dup(number);
  fds.dup2(fds.eventfd(), number);
  libc.epollCtl(efd, libc.EPOLL_CTL_ADD, number, libc.EPOLLIN, 3n);

  const report = await resolve(efd);
  const status = (data: bigint): [string, number] => [marked(report, data).status, marked(report, data).holders.length];
  assert.deepEqual([1n, 2n, 3n].map(status), [
    ['unresolved', 0],
    ['renumbered', 2],
    ['live', 2],
  ]);
});

test('a FIFO on disk registered through a dup is told from another open of the same FIFO', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'kcmp-fifo-'));
  const path = join(dir, 'fifo');
  assert.equal(spawnSync('mkfifo', [path]).status, 0);
  const flags = constants.O_RDWR | constants.O_NONBLOCK;
  const opened = openSync(path, flags);
  const other = openSync(path, flags);
  try {
    const number = fds.dup(opened);
    const efd = fds.epoll(number);
    fds.dup2(other, number);
    const [target] = (await resolve(efd)).targets;
    assert.equal(target?.status, 'renumbered');
    assert.deepEqual(target.holders, mine(opened));
    assert.equal(target.numberNow, path);
    assert.equal(target.numberReused, true);
  } finally {
    closeSync(opened);
    closeSync(other);
    rmSync(dir, { recursive: true });
  }
});
