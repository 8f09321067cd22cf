import assert from 'node:assert/strict';
import { closeSync, constants, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { nameOf } from '../../src/inspect/names.ts';
import { readLink, statIno } from '../../src/procfs/fd.ts';
import { kindAt, kindOf } from '../../src/procfs/kind.ts';
import { startChild } from '../support/child.ts';
import { KINDS } from '../support/kinds.ts';
import { needsRoot } from '../support/user.ts';

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

test('a namespace is one also by the path where it is mounted, or was', { skip: needsRoot }, async () => {
  const path = join(tmpdir(), `kcmp-namespace-${process.pid}`);
  writeFileSync(path, '', { mode: 0o444 });
  await using child = await startChild();
  try {
    const fds = await child.run(({ libc, fs }, path: string) => {
      const [own, isPrivate, bind, detach] = [0x20000, 0x44000, 0x1000, 2];
      const plain = fs.openSync(path, 'r');
      if (libc.unshare(own) !== 0 || libc.mount('none', '/', '', isPrivate, '') !== 0) throw new Error('unshare');
      const open = (): number => {
        if (libc.mount('/proc/self/ns/net', path, '', bind, '') !== 0) throw new Error('mount');
        return fs.openSync(path, 'r');
      };
      const fds = { plain, former: open(), mounted: -1 };
      libc.umount2(path, detach);
      return { ...fds, mounted: open() };
    }, path);
    const told = Object.entries(fds).map(([name, fd]) => {
      const link = readLink(child.pid, fd);
      return [name, kindAt(child.pid, fd, link), link];
    });
    assert.deepEqual(told, [
      ['plain', 'regular', path],
      ['former', 'namespace', '/'],
      ['mounted', 'namespace', path],
    ]);
    assert.equal(nameOf({ kind: 'namespace', link: '/' }), 'namespace that was mounted');
  } finally {
    rmSync(path);
  }
});
