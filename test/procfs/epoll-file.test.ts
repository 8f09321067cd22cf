import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { EpollFile } from '../../src/procfs/epoll-file.ts';
import { listDescriptors } from '../../src/procfs/fd.ts';
import { Fds } from '../support/brute.ts';
import * as libc from '../support/libc.ts';

const me = process.pid;
const fds = new Fds();
afterEach(() => fds.closeAll());

const textOf = (file: EpollFile): string => {
  const text = file.read();
  return typeof text === 'string' ? assert.fail(text) : text.toString();
};

test('reading again reads the whole text of that moment', () => {
  const targets = Array.from({ length: 500 }, () => fds.eventfd());
  const efd = fds.epoll(...targets);
  const file = new EpollFile(me, efd);
  try {
    for (let left = targets.length; left > 497; left--) {
      assert.equal(textOf(file), readFileSync(`/proc/self/fdinfo/${efd}`, 'utf8'));
      assert.equal(textOf(file).split('tfd:').length - 1, left);
      libc.epollCtl(efd, libc.EPOLL_CTL_DEL, targets[left - 1] as number);
    }
  } finally {
    file.close();
  }
});

test('an instance that is closed meanwhile answers ENOENT, and leaves nothing open', () => {
  const efd = fds.epoll();
  const before = listDescriptors(me) as number[];
  const file = new EpollFile(me, efd);
  textOf(file);
  assert.ok(file.fd >= 0);
  fds.close(efd);
  assert.equal(file.read(), 'ENOENT');
  assert.equal(file.fd, -1);
  assert.deepEqual(
    listDescriptors(me),
    before.filter((fd) => fd !== efd),
  );
});

test('a number that is another instance by now is read as that', () => {
  const efd = fds.epoll(fds.eventfd());
  const file = new EpollFile(me, efd);
  try {
    assert.match(textOf(file), /tfd:/);
    fds.dup2(fds.epoll(), efd);
    assert.doesNotMatch(textOf(file), /tfd:/);
  } finally {
    file.close();
  }
});
