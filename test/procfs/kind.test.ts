import assert from 'node:assert/strict';
import { closeSync, constants } from 'node:fs';
import { test } from 'node:test';
import { readLink, statIno } from '../../src/procfs/fd.ts';
import { kindOf } from '../../src/procfs/kind.ts';
import { KINDS } from '../support/kinds.ts';

const { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFREG, S_IFSOCK } = constants;

for (const { name, kind, open } of KINDS) {
  test(`kindOf calls an open ${name} '${kind}'`, () => {
    const fd = open();
    const stat = statIno(process.pid, fd);
    const link = readLink(process.pid, fd);
    closeSync(fd);
    assert.ok(typeof stat !== 'string');
    assert.equal(kindOf(link, Number(stat.mode)), kind);
  });
}

test('kindOf knows by the text alone what has no path', () => {
  const texts = {
    'socket:[1]': 'socket',
    'pipe:[1]': 'pipe',
    'pidfd:[1]': 'pidfd',
    'anon_inode:[pidfd]': 'pidfd',
    'anon_inode:inotify': 'inotify',
    'anon_inode:[eventpoll]': 'eventpoll',
    'anon_inode:[eventfd]': 'eventfd',
    'anon_inode:[timerfd]': 'timerfd',
    'anon_inode:[signalfd]': 'signalfd',
    'anon_inode:[fanotify]': 'fanotify',
    'anon_inode:[userfaultfd]': 'userfaultfd',
    'anon_inode:[io_uring]': 'io_uring',
    'anon_inode:bpf-map': 'anonymous',
    'anon_inode:[perf_event]': 'anonymous',
    '/memfd:a b (deleted)': 'memfd',
    'mnt:[1]': 'namespace',
    'net:[1]': 'namespace',
    'pid:[1]': 'namespace',
    'user:[1]': 'namespace',
    'uts:[1]': 'namespace',
    'ipc:[1]': 'namespace',
    'cgroup:[1]': 'namespace',
    'time:[1]': 'namespace',
  };
  assert.deepEqual(Object.fromEntries(Object.keys(texts).map((text) => [text, kindOf(text)])), texts);
});

test('kindOf does not let the mode of an anonymous inode mislead it', () => {
  assert.equal(kindOf('anon_inode:[eventfd]', 0o600), 'eventfd');
  assert.equal(kindOf('anon_inode:[eventfd]', S_IFREG | 0o600), 'eventfd');
});

test('kindOf tells by the mode what a path is', () => {
  assert.equal(kindOf('/x', S_IFREG | 0o644), 'regular');
  assert.equal(kindOf('/x', S_IFDIR | 0o755), 'directory');
  assert.equal(kindOf('/x', S_IFIFO), 'fifo');
  assert.equal(kindOf('/dev/sda', S_IFBLK), 'block device');
  assert.equal(kindOf('/dev/null', S_IFCHR), 'character device');
  assert.equal(kindOf(null, S_IFSOCK), 'socket');
});

test('kindOf recognises terminals by their paths', () => {
  for (const path of [
    '/dev/pts/0',
    '/dev/pts/12',
    '/dev/tty',
    '/dev/tty1',
    '/dev/ttyS0',
    '/dev/console',
    '/dev/ptmx',
    '/dev/pts/3 (deleted)',
  ]) {
    assert.equal(kindOf(path, S_IFCHR | 0o620), 'tty', path);
    assert.equal(kindOf(path), 'tty', path);
  }
  assert.equal(kindOf('/dev/tty1', S_IFREG), 'regular', 'a file of that name');
});

test('kindOf takes a path for a path, whatever it spells', () => {
  for (const path of ['/socket:[1]', '/tmp/anon_inode:[eventfd]', '/a/mnt:[1]', '/tmp/dev/pts/0']) {
    assert.equal(kindOf(path, S_IFREG), 'regular', path);
  }
});

test('kindOf says unknown where neither the link nor the mode tells', () => {
  assert.equal(kindOf(null), 'unknown');
  assert.equal(kindOf('/x'), 'unknown');
  assert.equal(kindOf(''), 'unknown');
  assert.equal(kindOf('later:[1]'), 'unknown');
  assert.equal(kindOf(null, 0), 'unknown');
});
