import assert from 'node:assert/strict';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { after, test } from 'node:test';
import { parseEpollItems } from '../../src/procfs/epoll-items.ts';
import { parseFdinfo, readFdinfo } from '../../src/procfs/fdinfo.ts';
import * as libc from '../support/libc.ts';
import { makeTree } from './tree.ts';

const O_ACCMODE = 3;

const read = (fd: number) => {
  const info = readFdinfo(process.pid, fd);
  assert.ok(typeof info !== 'string');
  return info;
};

test('parseFdinfo reads the fields that every descriptor has', () => {
  const text = 'pos:\t9223372036854775807\nflags:\t02100002\nmnt_id:\t15\nino:\t18446744073709551615\n';
  assert.deepEqual(parseFdinfo(text), { text, pos: 2n ** 63n - 1n, flags: 0o2100002, ino: 2n ** 64n - 1n });
});

test('parseFdinfo leaves out what an older kernel does not print', () => {
  const text = 'pos:\t-1\nflags:\t02\n';
  assert.deepEqual(parseFdinfo(text), { text, pos: -1n, flags: 2 });
  assert.deepEqual(parseFdinfo(''), { text: '' });
});

test('parseFdinfo skips lines that it does not know and fields that are no numbers', () => {
  const text =
    'later:\t5\npos:\tx\nflags:\t09\nino:\t-1\n ino:\t3\neventfd-count:                1\neventfd-id: 7\neventfd-semaphore: 0';
  assert.deepEqual(parseFdinfo(text), { text, eventfdId: 7 });
});

test('parseFdinfo does not take the inode of an epoll target for the one of the descriptor', () => {
  const text =
    'pos:\t0\nflags:\t02\ntfd:        5 events:       19 data:                5  pos:0 ino:1f sdev:e\nino:\t9\n';
  assert.deepEqual(parseFdinfo(text), { text, pos: 0n, flags: 2 });
});

test('readFdinfo follows the position of an open file', () => {
  const fd = openSync(import.meta.filename, constants.O_RDONLY);
  readSync(fd, Buffer.alloc(7));
  const info = read(fd);
  assert.equal(info.pos, 7n);
  assert.equal((info.flags ?? -1) & O_ACCMODE, constants.O_RDONLY);
  if (info.ino !== undefined) assert.equal(typeof info.ino, 'bigint');
  closeSync(fd);
});

test('readFdinfo tells two eventfds apart by their ids, although they share one inode', () => {
  const fds = [libc.eventfd(), libc.eventfd()];
  const ids = fds.map((fd) => read(fd).eventfdId);
  assert.equal(new Set(fds.map((fd) => fstatSync(fd).ino)).size, 1);
  for (const fd of fds) libc.close(fd);
  if (ids[0] !== undefined) assert.notEqual(ids[0], ids[1]);
});

test('readFdinfo answers with the code for a closed descriptor and for a process that is gone', () => {
  assert.equal(readFdinfo(process.pid, 2 ** 30), 'ENOENT');
  assert.equal(readFdinfo(2 ** 30, 0), 'ENOENT');
});

test('readFdinfo reads a recorded tree', () => {
  const root = makeTree({ '5/fdinfo/3': 'pos:\t0\nflags:\t0100000\n' }, after);
  assert.deepEqual(readFdinfo(5, 3, root), { text: 'pos:\t0\nflags:\t0100000\n', pos: 0n, flags: 0o100000 });
});

test('the items of a live epoll instance are those that were registered', () => {
  const efd = libc.epollCreate();
  const [one, other] = [libc.eventfd(), libc.eventfd()];
  libc.epollCtl(efd, libc.EPOLL_CTL_ADD, one, 0x80000001, 2n ** 64n - 1n);
  libc.epollCtl(efd, libc.EPOLL_CTL_ADD, other, 0x4, 0n);
  const items = parseEpollItems(read(efd).text).sort((a, b) => a.tfd - b.tfd);
  const { ino } = fstatSync(one, { bigint: true });
  for (const fd of [efd, one, other]) libc.close(fd);
  assert.deepEqual(
    items.map(({ tfd, toff, events, data }) => ({ tfd, toff, events, data })),
    [
      { tfd: one, toff: 0, events: 0x80000019, data: 2n ** 64n - 1n },
      { tfd: other, toff: 0, events: 0x1c, data: 0n },
    ].sort((a, b) => a.tfd - b.tfd),
  );
  if (items[0]?.ino !== undefined)
    assert.ok(
      items.every((item) => item.ino === ino),
      'the kernel prints st_ino of an eventfd',
    );
});
