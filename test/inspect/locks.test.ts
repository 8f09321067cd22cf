/** Locks: who keeps them, who took them, who waits, and what a holder waits for. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Lock, OpenReport } from '../../src/index.ts';
import { Fds } from '../support/brute.ts';
import { type Child, startChild } from '../support/child.ts';
import { findHolders, findOpen } from '../support/door.ts';
import * as libc from '../support/libc.ts';
import { flock, hasLongOffsets, lease, LOCK, ofd, posix } from '../support/locks.ts';
import { until } from '../support/until.ts';
import { needsRoot, works } from '../support/user.ts';

const { pid } = process;
const fds = new Fds();
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp locks-')));
const skipLong = hasLongOffsets ? false : 'struct flock is another one here';
let other: Child;
let path = '';
let count = 0;

before(async () => {
  other = await startChild();
});
beforeEach(() => {
  path = join(folder, `file ${count++}`);
  writeFileSync(path, 'x'.repeat(100));
});
after(async () => {
  await other.stop();
  fds.closeAll();
  rmSync(folder, { recursive: true });
});

const open = (flags = 'r+'): number => fds.add(libc.closeOnExec(openSync(path, flags)));
const openThere = (): Promise<number> => other.run(({ fs }, path: string) => fs.openSync(path, 'r+'), path);

async function locksOf(fd: number, who = pid, pids = [pid, other.pid]): Promise<{ locks: Lock[]; blockedBy: Lock[] }> {
  const report = await findHolders({ pid: who, fd }, { pids, parts: ['locks'] });
  assert.ok(report.locks !== undefined && report.blockedBy !== undefined);
  return { locks: report.locks, blockedBy: report.blockedBy };
}
const whole = { start: 0, end: null, waiters: [] };

/** A child that waits in a call for good; it ends with its scene. */
async function waits(body: string): Promise<Child> {
  const child = await startChild();
  const fd = await child.run(({ fs, keep }, path: string) => (keep['fd'] = fs.openSync(path, 'r+')), path);
  child
    .run(({ locks, keep }, body: string) => new Function('locks', 'fd', body)(locks, keep['fd']), body)
    .catch(() => {});
  await until(`${child.pid} waits`, async () => {
    const call = readFileSync(`/proc/${child.pid}/syscall`, 'latin1').split(' ');
    return call[0] !== 'running' && Number.parseInt(call[1] ?? '', 16) === fd;
  });
  return child;
}

test('a part that is not wanted is absent', async () => {
  const fd = open();
  assert.equal('locks' in (await findHolders({ pid, fd }, { pids: [pid], parts: [] })), false);
  assert.equal('locks' in (await findOpen(path, { pids: [pid], parts: [] })), false);
  assert.deepEqual(await locksOf(fd), { locks: [], blockedBy: [] });
});

test('a flock is kept by all who have its description, and by nobody else who has the file open', async () => {
  const fd = open();
  const copy = fds.dup(fd);
  const bystander = open();
  flock(fd, LOCK.exclusive);
  const lock = { type: 'flock', mode: 'write', ...whole, takenBy: pid, takerEnded: false };
  const expected = {
    ...lock,
    keptBy: [
      { pid, fd },
      { pid, fd: copy },
    ],
  };
  assert.deepEqual(await locksOf(copy), { locks: [expected], blockedBy: [] });
  assert.deepEqual(await locksOf(bystander), { locks: [], blockedBy: [] });
  const { files, locks } = await findOpen(path, { pids: [pid], parts: ['locks'] });
  assert.deepEqual(files.map((file) => file.locks?.length).sort(), [0, 1]);
  assert.deepEqual(locks, []);
});

test('two flocks of one kind on one file are two, each with who keeps it; a writer waits for both', async () => {
  const [a, b] = [open(), open()];
  flock(a, LOCK.shared);
  flock(b, LOCK.shared);
  await using waiter = await waits(`locks.flock(fd, ${LOCK.exclusive})`);
  const pids = [pid, waiter.pid];
  for (const fd of [a, b]) {
    const { locks } = await locksOf(fd, pid, pids);
    assert.deepEqual(
      locks.map(({ keptBy }) => keptBy),
      [[{ pid, fd }]],
    );
    assert.deepEqual(locks[0]?.waiters, [{ pid: waiter.pid, mode: 'write' }]);
  }
  const { files } = await findOpen(path, { pids, parts: ['locks'] });
  const blocked = files.find(({ holders: [holder] }) => holder?.pid === waiter.pid);
  assert.deepEqual(
    blocked?.blockedBy?.map(({ keptBy }) => keptBy),
    [[{ pid, fd: a }], [{ pid, fd: b }]],
  );
});

describe('util-linux', { skip: works(['flock', '--version']) ? false : 'there is no flock(1)' }, () => {
  /** A lock of a process that has ended, kept by what it started, and one that waits for it. */
  const SCENE = `
    flock -x 9 || exit 1
    sleep 1000 & echo $!
    exec 9>&-`;

  /** In this namespace or in one of its own. */
  const startScene = async (path: string): Promise<{ keeper: number; waiter: number; stop(): Promise<void> }> => {
    const taker = spawn('sh', ['-c', `exec 9>>"$0"; ${SCENE}`, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(taker.stdout, 'data')) as [Buffer];
    taker.stdout.destroy();
    await once(taker, 'exit');
    const waiter = spawn('flock', ['-x', path, 'true'], { stdio: 'ignore' });
    const keeper = Number(line);
    return {
      keeper,
      waiter: waiter.pid as number,
      async stop() {
        process.kill(keeper, 'SIGKILL');
        waiter.kill('SIGKILL');
        await once(waiter, 'exit');
      },
    };
  };

  const check = ({ files, locks: unshown }: OpenReport, keeper: number, waiter: number): void => {
    assert.deepEqual(unshown, []);
    const [lock, ...more] = files.flatMap(({ locks = [] }) => locks);
    assert.deepEqual(more, []);
    assert.equal(lock?.takerEnded, true);
    assert.deepEqual(lock?.keptBy, [{ pid: keeper, fd: 9 }]);
    assert.deepEqual(lock?.waiters, [{ pid: waiter, mode: 'write' }]);
    const blocked = files.filter(({ blockedBy = [] }) => blockedBy.length > 0);
    assert.deepEqual(
      blocked.map(({ holders }) => holders.map((holder) => holder.pid)),
      [[waiter]],
    );
    assert.deepEqual(blocked[0]?.blockedBy, [lock]);
  };

  test('the lock of a process that has ended is kept by what it started, and another waits for it', async () => {
    const { keeper, waiter, stop } = await startScene(path);
    try {
      const pids = [keeper, waiter];
      const report = await until('it waits', async () => {
        const found = await findOpen(path, { pids, parts: ['locks'] });
        return found.files.some(({ blockedBy = [] }) => blockedBy.length > 0) && found;
      });
      check(report, keeper, waiter);
    } finally {
      await stop();
    }
  });

  test('in a pid namespace too, where /proc/locks says nothing of it', { skip: needsRoot }, async () => {
    const wrapper = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
    await using inside = await startChild({ wrapper });
    const { report, keeper, waiter, listed } = await inside.run(
      async ({ childProcess, door, fs }, path: string, scene: string) => {
        const taker = childProcess.spawn('sh', ['-c', `exec 9>>"$0"; ${scene}`, path], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        const line = await new Promise((resolve) => taker.stdout.once('data', resolve));
        taker.stdout.destroy();
        await new Promise((resolve) => taker.once('exit', resolve));
        const waiter = childProcess.spawn('flock', ['-x', path, 'true'], { stdio: 'ignore' });
        for (;;) {
          const report = await door.findOpen(path, { parts: ['locks'] });
          if (report.files.some(({ blockedBy = [] }) => blockedBy.length > 0))
            return {
              report,
              keeper: Number(line),
              waiter: waiter.pid as number,
              listed: fs.readFileSync('/proc/locks', 'latin1').includes(`:${fs.statSync(path).ino} `),
            };
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      },
      path,
      SCENE,
    );
    assert.equal(listed, false);
    assert.equal(report.files.flatMap(({ locks = [] }) => locks)[0]?.takenBy, null);
    check(report, keeper, waiter);
  });
});

test('a POSIX lock is kept by one table, whoever else has the description', { skip: skipLong }, async () => {
  const fd = open();
  await using heir = await startChild({ fds: [fd] });
  assert.equal(posix(fd, true, 5, 10), 0);
  const lock = { type: 'posix', mode: 'write', start: 5, end: 14, takenBy: pid, takerEnded: false };
  const expected = { ...lock, keptBy: [{ pid, fd }], waiters: [] };
  assert.deepEqual(await locksOf(fd, pid, [pid, heir.pid]), { locks: [expected], blockedBy: [] });
  await using waiter = await waits('locks.posix(fd, false, 14, 1, true)');
  const waiting = { ...expected, waiters: [{ pid: waiter.pid, mode: 'read' }] };
  assert.deepEqual((await locksOf(fd, pid, [pid, waiter.pid])).locks, [waiting]);
  const { files } = await findOpen(path, { pids: [pid, waiter.pid], parts: ['locks'] });
  const blocked = files.find(({ holders: [holder] }) => holder?.pid === waiter.pid);
  assert.deepEqual(blocked?.blockedBy, [waiting]);
});

test('an OFD lock names nobody who took it; its waiter is found by the call that it is in', {
  skip: skipLong,
}, async () => {
  const fd = open();
  const far = 2n ** 60n;
  assert.equal(ofd(fd, false, 100, Number(far)), 0);
  const lock = { type: 'ofd', mode: 'read', start: 100, end: `${far + 99n}`, takenBy: null, takerEnded: false };
  const expected = { ...lock, keptBy: [{ pid, fd }], waiters: [] };
  assert.deepEqual(await locksOf(fd), { locks: [expected], blockedBy: [] });
  // One who is in the way of another older kernels list alone.
  await using waiter = await waits('locks.ofd(fd, true, 0, 150, true)');
  const { locks } = await locksOf(fd, pid, [pid, waiter.pid]);
  assert.deepEqual(locks, [{ ...expected, waiters: [{ pid: waiter.pid, mode: 'write' }] }]);
  await using second = await waits('locks.ofd(fd, true, 160, 1, true)');
  const { locks: again } = await locksOf(fd, pid, [pid, waiter.pid, second.pid]);
  assert.deepEqual(again[0]?.waiters.map((one) => one.pid).sort(), [waiter.pid, second.pid].sort());
});

test('a lease, and who breaks it', { skip: skipLong }, async () => {
  const fd = open();
  await using breaker = await startChild();
  process.on('SIGIO', () => {});
  assert.equal(lease(fd, true), 0);
  const expected = { type: 'lease', mode: 'write', ...whole, takenBy: pid, takerEnded: false, keptBy: [{ pid, fd }] };
  assert.deepEqual((await locksOf(fd)).locks, [expected]);
  const opened = breaker.run(({ fs }, path: string) => fs.openSync(path, 'r'), path).catch(() => {});
  const locks = await until('it is being broken', async () => {
    const found = (await locksOf(fd)).locks;
    return found[0]?.waiters.length === 1 && found;
  });
  assert.deepEqual(locks, [{ ...expected, waiters: [{ pid: breaker.pid, mode: 'read' }] }]);
  fds.close(fd);
  await opened;
});

test('a lock that is kept in flight only is told of the path, with nobody who keeps it', async () => {
  const fd = open();
  flock(fd, LOCK.exclusive);
  const [here, there] = libc.socketpair().map((end) => fds.add(end)) as [number, number];
  libc.sendFd(here, fd);
  fds.close(fd);
  const lock = { type: 'flock', mode: 'write', ...whole, takenBy: pid, takerEnded: false, keptBy: [] };
  const { files, locks } = await findOpen(path, { pids: [pid], parts: ['locks'] });
  assert.deepEqual(files, []);
  assert.deepEqual(locks, [lock]);
  const received = fds.add(libc.receiveFd(there));
  const again = await findOpen(path, { pids: [pid], parts: ['locks'] });
  assert.deepEqual(again.locks, []);
  assert.deepEqual(again.files[0]?.locks, [{ ...lock, keptBy: [{ pid, fd: received }] }]);
});

test('locks on other files of the filesystem are not those of the path', async () => {
  const fd = open();
  const name = join(folder, 'another');
  writeFileSync(name, '');
  flock(fd, LOCK.exclusive);
  const { locks, files } = await findOpen(name, { pids: [pid], parts: ['locks'] });
  assert.deepEqual([locks, files], [[], []]);
});

test('a lock that comes and goes is never told of the path as kept by nobody', async () => {
  const there = await openThere();
  await other.run(({ locks, keep }, fd: number) => {
    keep['timer'] = setInterval(() => {
      for (let i = 0; i < 50; i++) locks.flock(fd, i % 2 === 0 ? 2 : 8);
    }, 0);
  }, there);
  try {
    for (let question = 0; question < 100; question++) {
      const { locks } = await findOpen(path, { pids: [other.pid], parts: ['locks'] });
      assert.deepEqual(locks, [], `question ${question}`);
    }
  } finally {
    await other.run(({ keep }) => clearInterval(keep['timer'] as NodeJS.Timeout));
  }
});
