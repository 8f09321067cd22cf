/** listEpolls and readEpoll: which descriptors are epoll instances, and what fdinfo says of their targets. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { listEpolls, readEpoll } from '../../src/inspect/epoll.ts';
import { Fds } from '../support/brute.ts';
import { resolveEpoll } from '../support/door.ts';
import * as libc from '../support/libc.ts';
import '../support/leash.ts';

const me = process.pid;
const fds = new Fds();
afterEach(() => fds.closeAll());

const EPOLLERR = 0x8;
const EPOLLHUP = 0x10;
const EPOLLET = 0x80000000;
const EPOLLONESHOT = 0x40000000;

test('listEpolls lists the epoll instances of a process, Node’s own event loop among them', () => {
  const loops = listEpolls(me);
  assert.ok(loops.length > 0);
  const mine = [fds.epoll(), fds.epoll()];
  fds.eventfd();
  assert.deepEqual(
    listEpolls(me).sort((a, b) => a - b),
    [...loops, ...mine].sort((a, b) => a - b),
  );
});

test('a file that is named like an epoll instance is none', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kcmp-name-'));
  const fd = openSync(join(dir, 'anon_inode:[eventpoll]'), 'w');
  try {
    assert.ok(!listEpolls(me).includes(fd));
  } finally {
    closeSync(fd);
    rmSync(dir, { recursive: true });
  }
});

test('what was opened from one with O_PATH is none, and has no targets that could be told', async () => {
  const O_PATH = 0o10000000;
  const efd = fds.epoll();
  libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fds.eventfd());
  const path = fds.add(openSync(`/proc/self/fd/${efd}`, O_PATH));
  assert.ok(!listEpolls(me).includes(path));
  assert.throws(() => readEpoll(me, path), { code: 'EINVAL' });
  await assert.rejects(() => resolveEpoll(me, path, { pids: [me] }), { code: 'EINVAL' });
});

test('an instance without targets has no items', () => {
  assert.deepEqual(readEpoll(me, fds.epoll()), []);
});

test('an item carries the mask with what the kernel adds, in number and in words', () => {
  const efd = fds.epoll();
  const [read] = fds.pipe();
  libc.epollCtl(efd, libc.EPOLL_CTL_ADD, read, libc.EPOLLIN | EPOLLET | EPOLLONESHOT);
  const [item] = readEpoll(me, efd);
  assert.equal(item?.events, (libc.EPOLLIN | EPOLLET | EPOLLONESHOT | EPOLLERR | EPOLLHUP) >>> 0);
  assert.deepEqual([...item.eventNames].sort(), ['EPOLLERR', 'EPOLLET', 'EPOLLHUP', 'EPOLLIN', 'EPOLLONESHOT']);
});

test('an item carries all 64 bits of its data', () => {
  const efd = fds.epoll();
  const [read] = fds.pipe();
  libc.epollCtl(efd, libc.EPOLL_CTL_ADD, read, libc.EPOLLIN, 0xfedc_ba98_7654_3210n);
  assert.equal(readEpoll(me, efd)[0]?.data, 0xfedc_ba98_7654_3210n);
});

test('an item carries the inode of its file', () => {
  const [read] = fds.pipe();
  const [item] = readEpoll(me, fds.epoll(read));
  assert.equal(item?.ino, statSync(`/proc/self/fd/${read}`, { bigint: true }).ino);
});

test('items come in the order of fdinfo, and toff counts the earlier ones with that number', () => {
  const efd = fds.epoll();
  const numbers = Array.from({ length: 20 }, () => fds.eventfd());
  for (let round = 0; round < 3; round++) {
    for (const fd of numbers) {
      libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
      fds.dup(fd);
      fds.dup2(fds.eventfd(), fd);
    }
  }
  const lines = [...readFileSync(`/proc/self/fdinfo/${efd}`, 'utf8').matchAll(/^tfd: *(\d+)/gm)].map(([, tfd]) =>
    Number(tfd),
  );
  const expected = lines.map((tfd, i) => [tfd, lines.slice(0, i).filter((earlier) => earlier === tfd).length]);
  assert.deepEqual(
    readEpoll(me, efd).map(({ tfd, toff }) => [tfd, toff]),
    expected,
  );
});

const ended = (): number => spawnSync('true').pid;

const readers = [async (pid: number, efd: number) => readEpoll(pid, efd), resolveEpoll];

test('a descriptor that is not open is EBADF', async () => {
  for (const read of readers) await assert.rejects(() => read(me, 2 ** 31 - 1), { code: 'EBADF' });
});

test('a descriptor that is no epoll instance is EINVAL', async () => {
  for (const read of readers) await assert.rejects(() => read(me, fds.eventfd()), { code: 'EINVAL' });
});

test('a process that does not exist is ESRCH', async () => {
  const pid = ended();
  for (const read of readers) await assert.rejects(() => read(pid, 3), { code: 'ESRCH' });
  assert.throws(() => listEpolls(pid), { code: 'ESRCH' });
});

test('an argument of the wrong kind is a TypeError, one out of range a RangeError', async () => {
  const type = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
  const range = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' };
  for (const [value, expected] of [
    ['3', type],
    [undefined, type],
    [3n, type],
    [-1, range],
    [1.5, range],
    [NaN, range],
    [2 ** 32 + 3, range],
  ] as const) {
    const bad = value as number;
    assert.throws(() => listEpolls(bad), expected);
    assert.throws(() => readEpoll(bad, 3), expected);
    assert.throws(() => readEpoll(me, bad), expected);
    await assert.rejects(() => resolveEpoll(bad, 3), expected);
    await assert.rejects(() => resolveEpoll(me, bad), expected);
  }
});
