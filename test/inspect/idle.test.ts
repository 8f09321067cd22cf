/** Who has a listener and accepts nothing, beside instances of io_uring, which accept by themselves. */
import '../support/leash.ts';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { test } from 'node:test';
import { findHolders } from '../support/door.ts';
import * as libc from '../support/libc.ts';
import { noRing, openRing } from '../support/ring.ts';
import * as sockets from '../support/sockets.ts';
import { until } from '../support/until.ts';

test('a listener beside an io_uring instance is accepted by nobody until that is asked to accept', {
  skip: noRing,
}, async () => {
  const listener = sockets.listener(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port: 0 }));
  const ring = openRing();
  const sleeper = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', listener, ring.fd] });
  const pid = sleeper.pid as number;
  try {
    const idle = async (): Promise<unknown> => (await findHolders({ pid, fd: 3 }, { pids: [pid] })).idle;
    const told = await until('it sleeps', idle);
    assert.deepEqual(told, [{ pid, task: pid, call: 'clock_nanosleep' }]);
    ring.accept(listener);
    assert.equal(await idle(), undefined);
  } finally {
    sleeper.kill('SIGKILL');
    for (const fd of [listener, ring.fd]) closeSync(fd);
  }
});

test('a listener that signals its connections may be accepted by whoever gets the signal', async () => {
  const listener = sockets.listener(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port: 0 }));
  const sleeper = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', listener] });
  const pid = sleeper.pid as number;
  try {
    const idle = async (): Promise<unknown> => (await findHolders({ pid, fd: 3 }, { pids: [pid] })).idle;
    await until('it sleeps', idle);
    const [F_SETFL, O_ASYNC] = [4, 0o20000];
    assert.equal(libc.fcntl(listener, F_SETFL, O_ASYNC), 0);
    assert.equal(await idle(), undefined);
  } finally {
    sleeper.kill('SIGKILL');
    closeSync(listener);
  }
});
