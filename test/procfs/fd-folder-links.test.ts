import assert from 'node:assert/strict';
import { readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { afterEach, test } from 'node:test';
import { FdFolder } from '../../src/procfs/fd-folder.ts';
import { listDescriptors } from '../../src/procfs/descriptors.ts';
import { Fds } from '../support/brute.ts';

const { ENOENT } = constants.errno;
const me = process.pid;
const fds = new Fds();
afterEach(() => fds.closeAll());

function withFolder<T>(use: (folder: FdFolder) => T): T {
  const folder = FdFolder.open(me, 'fd') ?? assert.fail('the folder of this process can be opened');
  try {
    return use(folder);
  } finally {
    folder.close();
  }
}

test('link reads what readlink reads, again and again', () => {
  const kinds = [fds.eventfd(), fds.eventfd(), ...fds.pipe(), fds.epoll(), fds.eventfd()];
  withFolder((folder) => {
    for (const fd of [...kinds, ...kinds, folder.fd]) assert.equal(folder.link(fd), readlinkSync(`/proc/self/fd/${fd}`));
  });
});

test('link answers ENOENT for a number that is not open', () => {
  withFolder((folder) => {
    for (const fd of [5000, 2 ** 30, 2 ** 31 - 1]) assert.equal(folder.link(fd), -ENOENT);
  });
});

test('nextFrom tells the next open number, and Infinity behind the last', () => {
  const number = fds.eventfd();
  // An entry is longer from five digits on, where so many are allowed.
  const last = Math.min(12345, Number(/Max open files +(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]) - 1);
  for (const fd of [600, 601, 777, last]) fds.dup2(number, fd);
  withFolder((folder) => {
    assert.deepEqual([600, 601, 602, 777, 778, last + 1].map((fd) => folder.nextFrom(fd)), [600, 601, 777, 777, last, Infinity]);
    assert.equal(folder.nextFrom(0), listDescriptors(me)[0]);
  });
});

test('a folder that cannot be opened is undefined, and one that is closed leaves its number free', () => {
  assert.equal(FdFolder.open(2 ** 30, 'fd'), undefined);
  const before = listDescriptors(me);
  withFolder((folder) => folder.nextFrom(0));
  assert.deepEqual(listDescriptors(me), before);
});
