/** Something moves to another number at one certain moment of a look: what hangs on it is told all the same, or that it moved. */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Coverage } from '../../src/index.ts';
import { kcmp } from '../cli/command.ts';
import { refs } from '../support/brute.ts';
import { type Child, startChild } from '../support/child.ts';
import { findHolders, findOpen } from '../support/door.ts';
import * as libc from '../support/libc.ts';
import { flock, LOCK } from '../support/locks.ts';

const MOST = 24; // times that a look at one process may tell of its progress
const folder = mkdtempSync(join(tmpdir(), 'kcmp-moves-on-'));
after(() => rmSync(folder, { recursive: true }));
const pids = [process.pid];

/** Asks while a descriptor moves, at each moment once; gives it back. */
async function atEachMoment(
  fd: number,
  ask: (onProgress: () => void) => Promise<{ coverage: Coverage; told: unknown }>,
  truth: unknown,
): Promise<number> {
  let at = fd;
  for (let moment = 1; moment <= MOST; moment++) {
    let times = 0;
    const { coverage, told } = await ask(() => {
      if (++times !== moment) return;
      const next = libc.dup(at);
      libc.closeOnExec(next);
      closeSync(at);
      at = next;
    });
    if (coverage.skipped.length === 0) assert.deepEqual(told, truth, `at moment ${moment}`);
    if (times < moment) break;
  }
  return at;
}

/** A process with a file that it has locked, or one that is given to it, of which the number is another one every millisecond. */
async function startMover(path: string, fds: number[] = []): Promise<Child> {
  const child = await startChild({ fds });
  await child.run(
    ({ fs, libc, locks }, path: string, isGiven: boolean) => {
      let at = isGiven ? 4 : fs.openSync(path, 'w');
      if (!isGiven) locks.flock(at, locks.LOCK.exclusive);
      setInterval(() => {
        const next = libc.dup(at);
        fs.closeSync(at);
        at = next;
      }, 1);
    },
    path,
    fds.length > 0,
  );
  return child;
}

const TIMES = 30;

test('the lock of a file, be it deleted', async () => {
  const path = join(folder, 'locked');
  await using mover = await startMover(path);
  for (let time = 0; time < TIMES; time++) {
    if (time === TIMES / 2) unlinkSync(path);
    const { coverage, files } = await findOpen(path, { pids: [mover.pid] });
    if (coverage.skipped.length > 0) continue;
    const told = files.map(({ locks }) => locks?.map(({ type, keptBy }) => [type, keptBy.length]));
    assert.deepEqual(told, [[['flock', 1]]]);
  }
});

test('who keeps a lock beside the one who is asked about', async () => {
  const path = join(folder, 'both');
  const fd = openSync(path, 'w');
  flock(fd, LOCK.exclusive);
  await using mover = await startMover(path, [fd]);
  for (let time = 0; time < TIMES; time++) {
    const { coverage, holders, locks } = await findHolders({ pid: process.pid, fd }, { pids: [...pids, mover.pid] });
    if (coverage.skipped.length > 0) continue;
    assert.deepEqual(
      locks?.map(({ keptBy }) => refs(keptBy)),
      [refs(holders)],
    );
  }
  closeSync(fd);
});

test('a deleted file, and one that is locked, of those that kcmp groups looks for', async () => {
  const path = join(folder, 'searched');
  await using mover = await startMover(path);
  let found = 0;
  for (let time = 0; time < TIMES; time++) {
    if (time === TIMES / 2) unlinkSync(path);
    const { code, out } = await kcmp('groups', time < TIMES / 2 ? '--locked' : '--deleted', mover.pid);
    assert.equal(code === 1, false, out);
    if (out.includes(path)) found++;
  }
  assert.ok(found > 0);
});

test('an epoll instance that watches a pipe', async () => {
  const [read, write] = libc.pipe().map(libc.closeOnExec) as [number, number];
  const efd = libc.closeOnExec(libc.epollCreate());
  libc.epollCtl(efd, libc.EPOLL_CTL_ADD, read, libc.EPOLLIN);
  const last = await atEachMoment(
    efd,
    async (onProgress) => {
      const { coverage, watchers } = await findHolders({ pid: process.pid, fd: read }, { pids, onProgress });
      return { coverage, told: watchers?.map(({ tfd }) => tfd) };
    },
    [read],
  );
  for (const fd of [read, write, last]) closeSync(fd);
});

test('a file that comes down from a socket after all descriptors were looked at', async () => {
  const path = join(folder, 'passed');
  const [to, from] = libc.socketpair().map(libc.closeOnExec) as [number, number];
  for (let moment = 1; moment <= MOST; moment++) {
    const fd = openSync(path, 'w');
    libc.sendFd(to, fd);
    closeSync(fd);
    let [times, down] = [0, -1];
    const { coverage, files, elsewhere } = await findOpen(path, {
      pids,
      onProgress() {
        if (++times === moment) down = libc.receiveFd(from);
      },
    });
    assert.ok(coverage.skipped.length + files.length + (elsewhere?.length ?? 0) > 0, `at moment ${moment}`);
    closeSync(down >= 0 ? down : libc.receiveFd(from));
    if (times < moment) break;
  }
  for (const fd of [to, from]) closeSync(fd);
});
