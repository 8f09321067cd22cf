import assert from 'node:assert/strict';
import { constants, fstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { constants as os } from 'node:os';
import { after, test } from 'node:test';
import { FdFolder } from '../../src/procfs/raw/fd-directory.ts';
import { listDescriptors } from '../../src/procfs/fd.ts';
import { readFdinfo } from '../../src/procfs/fdinfo.ts';
import { Fds } from '../support/brute.ts';
import { startChild } from '../support/child.ts';
import { internalDevice, KINDS } from '../support/kinds.ts';

const FREE_FD = 2 ** 30;
const me = process.pid;
const fds = new Fds();
after(() => fds.closeAll());

function within<T>(pid: number, folder: 'fd' | 'fdinfo', use: (opened: FdFolder) => T): T {
  const opened = FdFolder.open(pid, folder);
  assert.ok(opened !== undefined);
  try {
    return use(opened);
  } finally {
    opened.close();
  }
}

for (const { name, open } of KINDS) {
  test(`FdFolder says of a ${name} what fstat says`, () => {
    const fd = fds.add(open());
    const { ino, dev, mode } = fstatSync(fd, { bigint: true });
    within(me, 'fd', (folder) => {
      assert.equal(folder.stat(fd), 0);
      assert.deepEqual([folder.ino, folder.mode], [Number(ino), Number(mode)]);
      assert.equal(folder.dev, internalDevice(dev));
    });
  });
}

test('FdFolder answers ENOENT for a closed descriptor and ESRCH or ENOENT for a process that has ended', async () => {
  within(me, 'fd', (folder) => assert.equal(folder.stat(FREE_FD), -os.errno.ENOENT));
  const child = await startChild();
  const folder = FdFolder.open(child.pid, 'fd') as FdFolder;
  await child.stop();
  const result = folder.stat(0);
  folder.close();
  assert.ok(result === -os.errno.ESRCH || result === -os.errno.ENOENT, `${result}`);
});

test('FdFolder visits every open descriptor and little else, wherever the gaps are', async () => {
  await using child = await startChild();
  await child.run(({ libc }) => [90, 91, 96, 102, 700, 1000].forEach((fd) => libc.dup2(0, fd)));
  const listed = readdirSync(`/proc/${child.pid}/fd`)
    .map(Number)
    .sort((a, b) => a - b);
  const visited: number[] = [];
  const open = within(child.pid, 'fd', (folder) => {
    const end = folder.visitOpen(0, 50, (fd) => {
      visited.push(fd);
      return folder.stat(fd);
    });
    // It pauses after so many numbers, and goes on where it stopped.
    let next = end;
    while (next >= 0 && next !== Infinity)
      next = folder.visitOpen(next, 50, (fd) => (visited.push(fd), folder.stat(fd)));
    assert.equal(next, Infinity);
    assert.ok(end < 200);
    return visited.filter((fd) => folder.stat(fd) === 0);
  });
  assert.deepEqual(open, listed);
  assert.ok(visited.length < listed.length + 40, `${visited.length} for ${listed.length}`);
});

test('FdFolder stops when a visit gives up, and when the process has ended', async () => {
  const child = await startChild();
  const folder = FdFolder.open(child.pid, 'fd') as FdFolder;
  const seen: number[] = [];
  assert.equal(
    folder.visitOpen(0, 1000, (fd) => (seen.push(fd), fd < 2 ? 0 : -os.errno.EPERM)),
    -1,
  );
  assert.deepEqual(seen, [0, 1, 2]);
  await child.stop();
  assert.equal(
    folder.visitOpen(0, 1000, (fd) => folder.stat(fd)),
    -1,
  );
  folder.close();
});

test("FdFolder tells an eventfd's id as fdinfo does, and none of anything else", () => {
  const [one, other, pipe] = [fds.eventfd(), fds.eventfd(), fds.pipe()[0]];
  const copy = fds.dup(one);
  const idOf = (fd: number): number => {
    const info = readFdinfo(me, fd);
    return typeof info === 'string' ? Number.NaN : Number(/^eventfd-id:\s*(\d+)/m.exec(info.text)?.[1] ?? -1);
  };
  within(me, 'fdinfo', (folder) => {
    for (const fd of [one, other, copy]) assert.equal(folder.eventfdId(fd), idOf(fd));
    assert.equal(folder.eventfdId(one), folder.eventfdId(copy));
    assert.equal(folder.eventfdId(pipe), NaN);
    assert.equal(folder.eventfdId(FREE_FD), -os.errno.ENOENT);
  });
});

test('FdFolder does not open for a process that is gone', () => {
  assert.equal(FdFolder.open(2 ** 30, 'fd'), undefined);
});

test('FdFolder is closed across exec, and gives its number back', () => {
  const before = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 100; i++) {
    within(me, 'fd', (folder) => {
      const info = readFdinfo(me, folder.fd);
      assert.ok(
        typeof info !== 'string' &&
          ((info.flags ?? 0) & 0o2000000) !== 0 &&
          ((info.flags ?? 0) & constants.O_DIRECTORY) !== 0,
      );
      folder.stat(0);
    });
  }
  assert.equal(readdirSync('/proc/self/fd').length, before);
});

test("FdFolder's link reads what readlink reads, again and again", () => {
  const kinds = [fds.eventfd(), fds.eventfd(), ...fds.pipe(), fds.epoll(), fds.eventfd()];
  within(me, 'fd', (folder) => {
    for (const fd of [...kinds, ...kinds, folder.fd])
      assert.equal(folder.link(fd), readlinkSync(`/proc/self/fd/${fd}`));
  });
});

test("FdFolder's link answers ENOENT for a number that is not open", () => {
  within(me, 'fd', (folder) => {
    for (const fd of [5000, 2 ** 30, 2 ** 31 - 1]) assert.equal(folder.link(fd), -os.errno.ENOENT);
  });
});

test("FdFolder's nextFrom tells the next open number, and Infinity behind the last", () => {
  const number = fds.eventfd();
  // An entry is longer from five digits on, where so many are allowed.
  const last = Math.min(
    12345,
    Number(/Max open files +(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]) - 1,
  );
  for (const fd of [600, 601, 777, last]) fds.dup2(number, fd);
  within(me, 'fd', (folder) => {
    assert.deepEqual(
      [600, 601, 602, 777, 778, last + 1].map((fd) => folder.nextFrom(fd)),
      [600, 601, 777, 777, last, Infinity],
    );
    assert.equal(folder.nextFrom(0), listDescriptors(me)[0]);
  });
});

test('FdFolder leaves its number free once it is closed', () => {
  const before = listDescriptors(me);
  within(me, 'fd', (folder) => folder.nextFrom(0));
  assert.deepEqual(listDescriptors(me), before);
});
