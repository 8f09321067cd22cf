/** The order that the kernel gives: its laws, over many real descriptors and tasks. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import {
  compareEpollTarget,
  compareFiles,
  compareTasks,
  type FileRef,
  type Ordering,
  type TaskResource,
} from '../../src/index.ts';
import { startChild, type Child } from '../support/child.ts';
import * as libc from '../support/libc.ts';

/** Reflexive, antisymmetric, and transitive: once sorted, no pair at any distance is the other way round. */
function assertTotalOrder<T>(items: T[], compare: (a: T, b: T) => Ordering): T[] {
  const sorted = items.toSorted(compare);
  for (const [i, a] of sorted.entries()) {
    assert.equal(compare(a, a), 0);
    for (const b of sorted.slice(i + 1)) {
      const ordering = compare(a, b);
      assert.ok(ordering <= 0, 'sorted, and yet a later one is less');
      assert.equal(compare(b, a) + ordering, 0, 'the two directions contradict each other');
    }
  }
  return sorted;
}

describe('the order of files', () => {
  const fds: number[] = [];
  let child: Child;
  let files: FileRef[] = [];
  let efd = 0;

  before(async () => {
    for (let i = 0; i < 40; i++) {
      const [read, write] = libc.pipe();
      fds.push(read, write, libc.eventfd(), libc.memfd(`order-${i}`));
    }
    child = await startChild({ fds: fds.slice(0, 20) });
    efd = libc.epollCreate();
    for (const fd of fds.filter((_, i) => i % 4 === 0)) libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
    for (const fd of fds.slice(0, 40)) fds.push(libc.dup(fd));
    files = fds.map((fd) => ({ pid: process.pid, fd }));
    for (let i = 0; i < 20; i++) files.push({ pid: child.pid, fd: 4 + i });
  });
  after(async () => {
    await child.stop();
    [...fds, efd].forEach(libc.close);
  });

  test('is total over 220 descriptors of two processes', () => {
    assert.equal(files.length, 220);
    assertTotalOrder(files, compareFiles);
  });

  test('puts the descriptors of one file side by side', () => {
    const sorted = files.toSorted(compareFiles);
    const borders = sorted.slice(1).filter((file, i) => compareFiles(sorted[i] as FileRef, file) !== 0);
    assert.equal(borders.length + 1, 160);
  });

  test('is the same the next time', () => {
    const orderings = (): Ordering[] => files.map((file) => compareFiles(file, files[0] as FileRef));
    assert.deepEqual(orderings(), orderings());
  });

  test('is the order of epoll targets, so that a sorted list can be searched for one', () => {
    for (const fd of fds.slice(0, 160).filter((_, i) => i % 4 === 0)) {
      const target = { pid: process.pid, efd, tfd: fd };
      for (const file of files) {
        assert.equal(compareEpollTarget(file, target), compareFiles(file, { pid: process.pid, fd }));
      }
    }
  });
});

describe('the order of tasks', () => {
  const sleepers = Array.from({ length: 12 }, () => spawn('sleep', ['1000'], { stdio: 'ignore' }));
  after(() => sleepers.forEach((sleeper) => sleeper.kill('SIGKILL')));
  const resources: TaskResource[] = ['vm', 'files', 'fs', 'sighand', 'io', 'sysvsem'];

  for (const resource of resources) {
    test(`is total for ${resource}`, () => {
      const pids = [process.pid, ...sleepers.map(({ pid }) => pid as number)];
      assertTotalOrder(pids, (a, b) => compareTasks(a, b, resource));
    });
  }

  test('is strict for what every process has to itself', () => {
    const pids = sleepers.map(({ pid }) => pid as number);
    for (const [i, a] of pids.entries()) {
      for (const b of pids.slice(i + 1)) assert.notEqual(compareTasks(a, b, 'vm'), 0);
    }
  });
});
