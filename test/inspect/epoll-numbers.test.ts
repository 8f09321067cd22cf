/** resolveEpoll: numbers with gaps between them, what they are today, and what is open for the scan alone. */
import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { listDescriptors } from '../../src/procfs/fd.ts';
import { assertTrue, Fds } from '../support/brute.ts';
import { resolveEpoll } from '../support/door.ts';
import * as libc from '../support/libc.ts';

const me = process.pid;
const fds = new Fds();
afterEach(() => fds.closeAll());

test('targets whose numbers lie far apart are found with all of their holders', async () => {
  const number = fds.eventfd();
  const far = [50, 55, 60, 61, 300, 305, 900].map((gap) => fds.dup2(number, number + gap));
  const efd = fds.epoll(number, ...far);
  const report = await resolveEpoll(me, efd, { pids: [me] });
  assertTrue(report, [me]);
  assert.equal(report.targets.length, 8);
  for (const { status, holders } of report.targets) {
    assert.deepEqual([status, holders.map(({ fd }) => fd)], ['live', [number, ...far]]);
  }
});

test('every number reads today what its link reads, be it a socket, a pipe, a FIFO or an eventfd', async () => {
  const [socket, peer] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
  const targets = [socket, peer, ...fds.pipe(), fds.eventfd(), fds.epoll()];
  const report = await resolveEpoll(me, fds.epoll(...targets), { pids: [me] });
  assert.equal(report.targets.length, targets.length);
  for (const { tfd, numberNow, status } of report.targets) {
    assert.deepEqual([status, numberNow], ['live', readlinkSync(`/proc/self/fd/${tfd}`)]);
  }
});

test('a file registered under a closed number beside an open one is found without being searched', async () => {
  const numbers = Array.from({ length: 200 }, () => fds.eventfd());
  const copies = numbers.map((fd) => fds.dup(fd));
  const efd = fds.epoll(...numbers, ...copies);
  for (const fd of numbers.slice(0, 50)) fds.close(fd);
  for (const fd of copies.slice(50, 100)) fds.close(fd);
  const report = await resolveEpoll(me, efd, { pids: [me] });
  assertTrue(report, [me]);
  const renumbered = report.targets.filter(({ status }) => status === 'renumbered');
  assert.deepEqual([renumbered.length, report.targets.length], [100, 400]);
  assert.ok(report.targets.every(({ holders }) => holders.length > 0));
  assert.equal(new Set(report.targets.map(({ holders }) => holders)).size, 400, 'no report shares a list with another');
});

test('what is open for the scan alone is neither counted nor a number of today', async () => {
  const target = fds.eventfd();
  const moved = fds.dup2(target, 400);
  const spare = Array.from({ length: 4 }, () => fds.eventfd());
  const efd = fds.epoll(...spare);
  for (const fd of spare) libc.epollCtl(efd, libc.EPOLL_CTL_DEL, fd);
  libc.epollCtl(efd, libc.EPOLL_CTL_ADD, target);
  // The lowest numbers are free now, and one of them is the target's.
  for (const fd of [target, ...spare]) fds.close(fd);
  const expected = listDescriptors(me) as number[];
  const { targets, coverage } = await resolveEpoll(me, efd, { pids: [me] });
  assert.deepEqual(
    targets.map(({ status, numberNow, holders }) => [status, numberNow, holders]),
    [['renumbered', null, [{ pid: me, fd: moved }]]],
  );
  assert.equal(coverage.descriptors, expected.length);
  assert.deepEqual(listDescriptors(me), expected);
});
