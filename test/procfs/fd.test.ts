import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { after, test } from 'node:test';
import { listDescriptors, readLink, statIno } from '../../src/procfs/fd.ts';
import { readFdinfo } from '../../src/procfs/fdinfo.ts';
import { listProcesses } from '../../src/procfs/processes.ts';
import { readStat } from '../../src/procfs/stat.ts';
import { internalDevice, KINDS } from '../support/kinds.ts';
import { onceOfTen } from '../support/scenes.ts';
import { until } from '../support/until.ts';
import { AS_NOBODY, needsRoot } from '../support/user.ts';
import { startWorker } from '../support/worker.ts';
import { makeTree, printed } from './tree.ts';

const FREE_FD = 2 ** 30;

test('listDescriptors lists an open descriptor of this process and not a closed one', () => {
  const fd = openSync('/dev/null', 'r');
  const open = listDescriptors(process.pid);
  closeSync(fd);
  assert.ok(Array.isArray(open) && open.includes(fd));
  const closed = listDescriptors(process.pid);
  assert.ok(Array.isArray(closed) && !closed.includes(fd));
});

test("listDescriptors lists nothing that is only open while it reads, in this thread and by a thread's number", async () => {
  const worker = startWorker(new URL('../support/thread.ts', import.meta.url));
  const [tid] = (await once(worker, 'message')) as [number];
  for (const task of [process.pid, tid]) {
    await onceOfTen(() => {
      const fds = listDescriptors(task);
      assert.ok(Array.isArray(fds) && fds.length > 2);
      assert.deepEqual(
        fds.filter((fd) => readLink(task, fd) === null),
        [],
      );
    });
  }
  await worker.terminate();
});

test('listDescriptors sorts by number, not by text', () => {
  const link = { link: '/dev/null' };
  const root = makeTree(
    { '5/fd/10': link, '5/fd/9': link, '5/fd/0': link, '5/fd/100': link, '5/fd/x': link, '6/fd': null },
    after,
  );
  assert.deepEqual(listDescriptors(5, root), [0, 9, 10, 100]);
  assert.deepEqual(listDescriptors(6, root), []);
  assert.equal(listDescriptors(7, root), 'ENOENT');
});

test('readLink reads what a descriptor refers to', () => {
  const fd = openSync('/dev/null', 'r');
  assert.equal(readLink(process.pid, fd), '/dev/null');
  closeSync(fd);
});

test('readLink answers null for a closed descriptor and for a process that is gone', () => {
  assert.equal(readLink(process.pid, FREE_FD), null);
  assert.equal(readLink(2 ** 30, 0), null);
});

for (const { name, open } of KINDS) {
  test(`statIno says of a ${name} what fstat says`, () => {
    const fd = open();
    const { dev, ino, mode, rdev, nlink, uid, size, blocks } = fstatSync(fd, { bigint: true });
    assert.deepEqual(statIno(process.pid, fd), {
      dev: internalDevice(dev),
      ino,
      mode: Number(mode),
      rdev: internalDevice(rdev),
      more: { nlink: Number(nlink), uid: Number(uid), size, allocated: blocks * 512n },
    });
    closeSync(fd);
  });
}

test('statIno answers ENOENT for a closed descriptor and for a process that is gone', () => {
  assert.equal(statIno(process.pid, FREE_FD), 'ENOENT');
  assert.equal(statIno(2 ** 30, 0), 'ENOENT');
});

test('an ordinary user is answered EACCES about the descriptors of root', { skip: needsRoot }, () => {
  const { pid } = process;
  const all = `[m.listDescriptors(${pid}), m.readLink(${pid}, 0), m.statIno(${pid}, 0)]`;
  assert.deepEqual(printed('fd', all, AS_NOBODY), ['EACCES', null, 'EACCES']);
});

test('a zombie is listed with state Z and has no descriptors', async () => {
  // The shell turns into a sleep that never waits for the shell's child.
  const parent = spawn('sh', ['-c', 'true & exec sleep 60'], { stdio: 'ignore' });
  const isZombie = (pid: number): boolean => {
    const stat = readStat(pid);
    return typeof stat !== 'string' && stat.ppid === parent.pid && stat.state === 'Z';
  };
  const zombie = await until('there is a zombie', () => listProcesses().find(isZombie));
  const descriptors = listDescriptors(zombie);
  const fdinfo = readFdinfo(zombie, 0);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  // Its folder is root's, which others are not told.
  assert.deepEqual(descriptors, []);
  assert.ok(fdinfo === 'ENOENT' || fdinfo === 'EACCES');
});
