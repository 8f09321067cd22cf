/** kcmp who on a lock file: who keeps the lock, who took it and who waits stand in the first line. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { lockTable, locksText } from '../../src/cli/output/locks.ts';
import type { Lock } from '../../src/index.ts';
import { type Child, startChild } from '../support/child.ts';
import { LOCK } from '../support/locks.ts';
import { until } from '../support/until.ts';
import { works } from '../support/user.ts';
import { kcmp } from './command.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp-lock-')));
const path = join(folder, 'app.pid');
let keeper: Child;

before(async () => {
  keeper = await startChild();
  writeFileSync(path, '1\n');
});
after(async () => {
  await keeper.stop();
  rmSync(folder, { recursive: true });
});

test('who keeps it and who waits', {
  skip: works(['flock', '--version']) ? false : 'there is no flock(1)',
}, async () => {
  await keeper.run(({ fs }) => fs.writeFileSync('/proc/self/comm', 'keeper'));
  const fd = await keeper.run(
    ({ fs, locks }, path: string, exclusive: number) => {
      const fd = fs.openSync(path, 'r+');
      locks.flock(fd, exclusive);
      return fd;
    },
    path,
    LOCK.exclusive,
  );
  const where = ['--pid', keeper.pid];
  const first = async (...args: Array<string | number>): Promise<string> => {
    const { out, code } = await kcmp('who', ...args);
    assert.equal(code, 0, out);
    return out.split('\n', 1)[0] as string;
  };
  const kept = `its lock (flock, write) is kept by keeper (${keeper.pid}), fd ${fd}`;
  assert.equal(await first(path, ...where), `${path} is held by keeper (${keeper.pid}), fd ${fd}; ${kept}.`);
  const waiter = spawn('flock', ['-x', path, 'true'], { stdio: 'ignore' });
  try {
    const told = `${kept}; flock (${waiter.pid}) waits for it.`;
    await until('it waits', async () => (await first(path, ...where)).endsWith(told));
    const waiterFd = 3;
    const { out } = await kcmp('who', `${waiter.pid}:${waiterFd}`, ...where);
    assert.match(
      out,
      new RegExp(
        `; the lock \\(flock, write\\) that is waited for is kept by keeper \\(${keeper.pid}\\), fd ${fd}\\.\n`,
      ),
    );
    const all = (await kcmp('who', keeper.pid)).out;
    assert.match(all, new RegExp(`^.*; flock \\(${waiter.pid}\\) waits for its lock on ${path}[;.]`));
    assert.match(all, new RegExp(`^ *${fd} .* locked, flock \\(${waiter.pid}\\) waits for it$`, 'm'));
  } finally {
    waiter.kill('SIGKILL');
    await once(waiter, 'exit');
  }
});

const lock = (more: Partial<Lock>): Lock => ({
  type: 'flock',
  mode: 'write',
  start: 0,
  end: null,
  takenBy: null,
  takerEnded: false,
  keptBy: [],
  waiters: [],
  ...more,
});

test('what the kernel no longer tells is not made up', () => {
  const told = (more: Partial<Lock>): string => locksText([lock(more)]).join();
  assert.equal(told({}), 'its lock (flock, write) is kept by no descriptor that was seen');
  assert.match(told({ takerEnded: true }), /, taken by a process that has ended, or is of another pid namespace$/);
  assert.match(told({ takerEnded: true, takenBy: 4194305 }), /, taken by pid 4194305, which has ended$/);
  assert.match(told({ type: 'posix', start: 5, end: 14 }), /^its lock \(POSIX, write, bytes 5 to 14\) /);
  assert.match(told({ type: 'ofd', start: 5 }), /^its lock \(OFD, write, bytes 5 to the end\) /);
  assert.match(told({ type: 'lease' }), /^its lease \(write\) /);
  assert.match(
    told({ waiters: [{ pid: null, mode: 'read' }] }),
    /; a process outside of this pid namespace waits for it$/,
  );
});

test('of many locks those that somebody waits for come first, and the rest stands in a table', () => {
  const many = [1, 2, 3].map((byte) =>
    lock({ type: 'posix', start: byte, end: byte, keptBy: [{ pid: 4194305, fd: byte }] }),
  );
  const busy = lock({ waiters: [{ pid: 4194306, mode: 'write' }] });
  const texts = locksText([...many, busy]);
  assert.equal(texts.length, 3);
  assert.match(texts[0] as string, /waits for it$/);
  assert.equal(texts[2], '2 more locks below');
  const [, , , head, ...rows] = lockTable([...many, busy]);
  assert.match(head as string, /^LOCK +MODE +BYTES +TAKEN BY +KEPT BY +WAITING$/);
  assert.match(rows[0] as string, /^flock +write +all +\? +\? +4194306$/);
  assert.match(rows[1] as string, /^posix +write +1 +\? +4194305:1$/);
});
