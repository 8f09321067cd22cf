/** resolveEpoll: many targets that a number or an inode does not tell apart. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { assertTrue, Fds } from '../support/brute.ts';
import { resolveEpoll } from '../support/door.ts';
import * as libc from '../support/libc.ts';

const me = process.pid;
const fds = new Fds();
afterEach(() => fds.closeAll());

/** Each target's data says which descriptor was made its only holder. */
const fdInData = ({ data }: { data: bigint }): { pid: number; fd: number }[] => [{ pid: me, fd: Number(data) }];

test('250 targets registered under one number resolve to 250 descriptors', async () => {
  const efd = fds.epoll();
  const number = fds.eventfd();
  for (let i = 0; i < 250; i++) {
    const fd = fds.eventfd();
    fds.dup2(fd, number);
    libc.epollCtl(efd, libc.EPOLL_CTL_ADD, number, libc.EPOLLIN, BigInt(fd));
  }
  fds.dup2(efd, number);
  const report = await resolveEpoll(me, efd, { pids: [me] });
  assert.deepEqual(
    report.targets.map(({ tfd, toff }) => [tfd, toff]),
    Array.from({ length: 250 }, (_, toff) => [number, toff]),
  );
  assert.deepEqual(
    report.targets.map(({ holders }) => holders),
    report.targets.map(fdInData),
  );
  assert.ok(report.targets.every(({ status, numberReused }) => status === 'renumbered' && numberReused));
  assertTrue(report, [me]);
});

test('1,000 eventfds on one inode resolve where each has its own number', async () => {
  const efd = fds.epoll(...Array.from({ length: 1000 }, () => fds.eventfd()));
  const report = await resolveEpoll(me, efd, { pids: [me] });
  assert.equal(report.targets.length, 1000);
  assert.equal(new Set(report.targets.map(({ ino }) => ino)).size, 1);
  assert.deepEqual(
    report.targets.map(({ holders }) => holders),
    report.targets.map(fdInData),
  );
  assert.ok(report.targets.every(({ status }) => status === 'live'));
});

test('1,000 eventfds on one inode resolve where each has taken the number of the next', async () => {
  const efd = fds.epoll();
  const numbers = Array.from({ length: 1000 }, () => fds.eventfd());
  const before = (i: number): number => numbers.at(i - 1) as number;
  numbers.forEach((fd, i) => libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd, libc.EPOLLIN, BigInt(before(i))));
  const first = fds.dup(numbers[0] as number);
  for (const [i, fd] of numbers.entries()) if (i > 0) fds.dup2(fd, before(i));
  fds.dup2(first, before(0));
  fds.close(first);

  const report = await resolveEpoll(me, efd, { pids: [me] });
  assert.equal(report.targets.length, 1000);
  assert.deepEqual(
    report.targets.map(({ holders }) => holders),
    report.targets.map(fdInData),
  );
  assert.ok(report.targets.every(({ status, numberReused }) => status === 'renumbered' && numberReused));
  assert.equal(report.stable, true);
});

test('an eventfd in flight that was registered under 1,000 numbers is 1,000 unresolved targets', async () => {
  const efd = fds.epoll();
  const [here] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
  const file = fds.eventfd();
  const numbers = Array.from({ length: 1000 }, () => fds.dup(file));
  for (const fd of numbers) libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
  libc.sendFd(here, file);
  fds.close(file, ...numbers);
  for (let i = 0; i < 10; i++) fds.eventfd(); // the same inode, never the same file
  const report = await resolveEpoll(me, efd, { pids: [me] });
  assert.equal(report.targets.length, 1000);
  assert.ok(
    report.targets.every(
      ({ status, reason, holders }) => status === 'unresolved' && reason === 'unseen' && holders.length === 0,
    ),
  );
});
