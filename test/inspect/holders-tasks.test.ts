/** findHolders and groupFiles where descriptor tables are not one a process: threads, zombies, shared tables. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { FileGroup, FileRef } from '../../src/index.ts';
import { everyDescriptor, Fds, refs } from '../support/brute.ts';
import { startChild, type Child } from '../support/child.ts';
import { findHolders, groupFiles } from '../support/door.ts';
import { familyMissing, startFamily, type Family } from '../support/family.ts';
import * as libc from '../support/libc.ts';
import { assertGrouped, endLeader, onceOfTen, startThread, startZombies, type Zombies } from '../support/scenes.ts';

const me = process.pid;
const fds = new Fds();
const [read, write] = fds.pipe();
const mine = (fd: number): FileRef => ({ pid: me, fd });
/** The children's number of the write end. */
const WRITE = 4;

/** The group that a descriptor is in. */
const groupOf = (groups: FileGroup[], { pid, fd }: FileRef): FileGroup | undefined =>
  groups.find(({ holders }) => holders.some((holder) => holder.pid === pid && holder.fd === fd));

after(() => fds.closeAll());

describe('a thread with a descriptor table of its own', () => {
  let child: Child;
  let thread: number;
  before(async () => {
    child = await startChild({ fds: [write] });
    await startThread(child); // one that shares everything, and is not listed
    thread = await startThread(child, libc.CLONE_FILES);
    await child.run(({ libc }, fd: number) => libc.close(fd), WRITE);
  });
  after(() => child.stop());

  test('is a holder under its own id', async () => {
    const { holders, coverage } = await findHolders(mine(write), { pids: [me, child.pid] });
    assert.deepEqual(refs(holders), refs([mine(write), { pid: thread, fd: WRITE }]));
    assert.deepEqual([coverage.processes, coverage.tasks], [2, 3]);
  });

  test('may be asked about by its id, and names each holder once', async () => {
    const report = await findHolders({ pid: thread, fd: WRITE }, { pids: [me, child.pid] });
    assert.deepEqual(refs(report.holders), refs([mine(write), { pid: thread, fd: WRITE }]));
    assert.equal(
      report.holders.some(({ sharedWith }) => sharedWith !== undefined),
      false,
    );
  });

  test('is grouped with its process, descriptor by descriptor', async () => {
    await onceOfTen(async () => {
      const { groups, coverage } = await groupFiles({ pids: [me, child.pid], minHolders: 1 });
      assert.deepEqual(
        refs(groupOf(groups, mine(write))?.holders ?? []),
        refs([mine(write), { pid: thread, fd: WRITE }]),
      );
      assert.equal(coverage.tasks, 3);
      assertGrouped(groups, everyDescriptor([child.pid]));
    });
  });
});

test('a thread that shares the table of its process may be asked about, and is the one that is named', async () => {
  await using child = await startChild({ fds: [write] });
  const thread = await startThread(child);
  const { holders } = await findHolders({ pid: thread, fd: WRITE }, { pids: [child.pid] });
  assert.deepEqual(refs(holders), [{ pid: thread, fd: WRITE }]);
  assert.deepEqual(holders[0]?.sharedWith, [child.pid]);
});

describe('a leader that has ended while its threads live', () => {
  let child: Child;
  let thread: number;
  before(async () => {
    child = await startChild({ fds: [write] });
    thread = await startThread(child, libc.CLONE_FILES);
    await endLeader(child);
  });
  after(() => child.stop());

  test('hides no holder', async () => {
    const { holders } = await findHolders(mine(write), { pids: [me, child.pid] });
    const others = holders.filter(({ pid }) => pid !== me);
    // The thread with its own table, and one of those that still share what was the leader's.
    assert.equal(others.length, 2);
    assert.ok(others.every(({ pid, fd }) => pid !== child.pid && fd === WRITE));
    assert.ok(others.some(({ pid }) => pid === thread));
  });

  test('is asked about by a thread that goes on', async () => {
    const { file, holders } = await findHolders({ pid: child.pid, fd: WRITE }, { pids: [me, child.pid] });
    assert.notEqual(file.pid, child.pid);
    assert.ok(holders.some(({ pid }) => pid === me));
  });

  test('hides no group', async () => {
    await onceOfTen(async () => {
      const { groups } = await groupFiles({ pids: [me, child.pid], minHolders: 1 });
      assert.equal(groupOf(groups, mine(write))?.holders.length, 3);
      assertGrouped(
        groups,
        everyDescriptor([child.pid]).filter(({ pid }) => pid === thread),
      );
    });
  });
});

describe('zombies', () => {
  let zombies: Zombies;
  before(async () => {
    zombies = await startZombies();
  });
  after(() => zombies.stop());

  test('hold nothing and disturb nothing', async () => {
    const pids = [...zombies.pids, me];
    assert.deepEqual(refs((await findHolders(mine(read), { pids })).holders), [mine(read)]);
    const { groups, coverage } = await groupFiles({ pids, minHolders: 1 });
    assert.deepEqual(groupOf(groups, mine(read))?.holders, [mine(read)]);
    assert.equal(
      groups.some(({ holders }) => holders.some(({ pid }) => zombies.pids.includes(pid))),
      false,
    );
    assert.equal(coverage.processes + coverage.skipped.filter(({ unit }) => unit === 'process').length, 3);
  });

  test('have no descriptor that could be asked about', async () => {
    await assert.rejects(() => findHolders({ pid: zombies.pids[0], fd: 0 }, { pids: [me] }), { code: 'EBADF' });
  });
});

describe('two processes that share one table', { skip: familyMissing }, () => {
  let family: Family;
  before(async () => {
    family = await startFamily({ flags: libc.CLONE_FILES, fds: [write] });
  });
  after(() => family?.stop());
  const HERE = 3;

  test('are one holder that names the other', async () => {
    const { holders } = await findHolders(mine(write), { pids: [me, family.child, family.parent] });
    assert.deepEqual(refs(holders), refs([mine(write), { pid: family.parent, fd: HERE }]));
    assert.deepEqual(
      holders.map(({ sharedWith }) => sharedWith),
      [undefined, [family.child]],
    );
  });

  test('are named by the one that was asked about', async () => {
    const { holders } = await findHolders({ pid: family.child, fd: HERE }, { pids: [family.parent, family.child] });
    assert.deepEqual(refs(holders), [{ pid: family.child, fd: HERE }]);
    assert.deepEqual(holders[0]?.sharedWith, [family.parent]);
  });

  test('are listed once in the groups, which name them as sharing', async () => {
    const { groups, sharedTables } = await groupFiles({ pids: [me, family.child, family.parent], minHolders: 1 });
    assert.deepEqual(sharedTables, [{ pid: family.parent, sharedWith: [family.child] }]);
    assert.deepEqual(
      refs(groupOf(groups, mine(write))?.holders ?? []),
      refs([mine(write), { pid: family.parent, fd: HERE }]),
    );
  });
});

test('two processes with equal tables that they do not share are two holders', { skip: familyMissing }, async () => {
  const family = await startFamily({ fds: [write] });
  const pids = [me, family.child, family.parent];
  const { sharedTables } = await groupFiles({ pids });
  const { holders } = await findHolders(mine(write), { pids });
  await family.stop();
  assert.deepEqual(refs(holders), refs([mine(write), { pid: family.parent, fd: 3 }, { pid: family.child, fd: 3 }]));
  assert.deepEqual(sharedTables, []);
});
