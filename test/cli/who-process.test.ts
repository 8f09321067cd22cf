/** kcmp who PID: the answer in one line, what there is many of in one line each, then a line for each. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, openSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { OpenReport } from '../../src/index.ts';
import { Fds } from '../support/brute.ts';
import { type Child, startChild } from '../support/child.ts';
import { lease } from '../support/locks.ts';
import * as libc from '../support/libc.ts';
import { untilNamed } from '../support/scenes.ts';
import { needsRoot } from '../support/user.ts';
import { until } from '../support/until.ts';
import { kcmp, kcmpJson, NO_PID, kcmpProcess } from './command.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp-who-process-')));
const fds = new Fds();
let child: Child;
before(async () => {
  child = await startChild();
  await child.run(({ fs }) => fs.writeFileSync('/proc/self/comm', 'service'));
});
after(async () => {
  await child.stop();
  fds.closeAll();
  rmSync(folder, { recursive: true });
});

/** The descriptors in a line that gathers them. */
const rowsOf = (out: string): string[][] => out.split('\n').map((line) => line.trim().split(/ {2,}/));

describe('a service whose count of descriptors grows', () => {
  const children: number[] = [];
  before(async () => {
    const log = join(folder, 'app.log');
    children.push(
      ...(await child.run(({ fs, childProcess, sockets, keep }, log: string) => {
        for (let i = 0; i < 40; i++) fs.openSync(log, 'a');
        const closed = Array.from({ length: 24 }, () => sockets.pair(sockets.STREAM));
        for (const [, there] of closed) fs.closeSync(there);
        const sleeps = Array.from({ length: 8 }, () => childProcess.spawn('sleep', ['1000']));
        process.on('exit', () => sleeps.forEach((sleep) => void sleep.kill('SIGKILL')));
        keep['sleeps'] = sleeps;
        return sleeps.map(({ pid }) => pid as number);
      }, log)),
    );
    for (const pid of children) await untilNamed(pid, 'sleep');
  });
  after(() => children.forEach((pid) => void process.kill(pid, 'SIGKILL')));

  test('is told by what there is many of, on one screen', async () => {
    const { code, out } = await kcmp('who', child.pid);
    assert.equal(code, 0);
    const [first = '', blank, ...rest] = out.split('\n');
    assert.match(first, new RegExp(`^${child.pid} \\(service\\) has \\d+ descriptors open; `));
    assert.match(first, /app\.log is opened 40 times/);
    assert.equal(blank, '');
    const [log, ...others] = rest;
    assert.match(log ?? '', /\/app\.log: opened 40 times: fd \d+, \d+, \d+ and 37 more \(wronly, append\)$/);
    assert.ok(
      others.some((line) => /^24 unix stream sockets, their other end closed: fd \d+, \d+, \d+ and 21 more/.test(line)),
      out,
    );
    assert.ok(
      others.some((line) =>
        /^24 unix stream sockets, their other ends held by sleep \(\d+\), .* and 7 more proc/.test(line),
      ),
      out,
    );
    assert.ok(out.split('\n').length < 40, out);
  });

  test('with --all each has its line', async () => {
    const { out } = await kcmp('who', child.pid, '--all');
    assert.equal(rowsOf(out).filter(([, kind, file]) => kind === 'regular' && file?.endsWith('app.log')).length, 40);
  });

  test('with --pids the ids alone, with --json the report', async () => {
    const { code, out } = kcmpProcess(['who', child.pid, '--pids']);
    assert.equal(code, 0);
    // Its parent has the other end of its channel; by /dev/null it has something in common with all.
    assert.match(out, /^(?:\d+\n)+$/);
    assert.deepEqual(
      [process.pid, child.pid].map((pid) => out.split('\n').includes(`${pid}`)),
      [true, false],
    );
    const { report } = await kcmpJson<OpenReport>('who', child.pid);
    assert.equal(report.reference, `${child.pid}`);
    assert.equal(report.files.filter(({ link }) => link?.endsWith('/app.log')).length, 40);
  });

  test('with --tree what its children have is told as well, by process', async () => {
    for (const args of [
      [child.pid, '--tree'],
      ['--tree', child.pid],
    ]) {
      const { code, out } = await kcmp('who', ...args);
      assert.equal(code, 0);
      assert.match(
        out,
        new RegExp(`^${child.pid} \\(service\\) and \\d+ processes below it have \\d+ descriptors open`),
      );
      assert.match(out, new RegExp(`\\b(?:${children.join('|')}):[012]\\b`));
    }
    assert.equal((await kcmp('who', ':80', '--tree')).code, 2);
  });
});

describe('a shell that waits for a pipe', () => {
  let shell: ChildProcess;
  let holder: number;
  before(async () => {
    const [read, write] = fds.pipe();
    shell = spawn('sh', ['-c', 'sleep 1000 & echo $! >&3; exec cat'], {
      stdio: [read, write, 'ignore', 'pipe'],
      detached: false,
    });
    const [bytes] = (await once(shell.stdio[3] as NonNullable<ChildProcess['stdout']>, 'data')) as [Buffer];
    holder = Number(bytes.toString());
    fds.close(read, write);
    await untilNamed(holder, 'sleep');
    await untilNamed(shell.pid as number, 'cat');
  });
  after(() => {
    shell.kill('SIGKILL');
    process.kill(holder, 'SIGKILL');
  });

  test('is told what it waits for, and who holds the other end', async () => {
    const out = await until('cat reads', async () => {
      const { out } = await kcmp('who', shell.pid as number);
      return out.includes(' waits in ') ? out : undefined;
    });
    const [first = ''] = out.split('\n');
    assert.match(
      first,
      /\(cat\) has \d descriptors? open; it waits in read on fd 0, read end of pipe:\[\d+\]; its other end is /,
    );
    assert.match(first, new RegExp(`held by .*\\(${shell.pid}|${holder}\\)`));
    const rows = rowsOf(out);
    const head = rows.findIndex(([fd]) => fd === 'FD');
    assert.deepEqual(rows[head], ['FD', 'KIND', 'FILE', 'FLAGS', 'WITH']);
    assert.equal(rows[head + 1]?.[0], '0');
  });

  test('is told to be stopped, and to wait for nothing, when it is', async () => {
    const pid = shell.pid as number;
    process.kill(pid, 'SIGSTOP');
    try {
      const out = await until('it is stopped', async () => {
        const { out } = await kcmp('who', pid);
        return out.includes('; it is stopped') ? out : undefined;
      });
      assert.doesNotMatch(out, / waits in /);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  });
});

test('of a thread is told what it waits for itself', async () => {
  await using own = await startChild();
  const startReader = `
    const { readlinkSync, readSync } = require('node:fs');
    require('node:worker_threads').parentPort.postMessage(Number(readlinkSync('/proc/thread-self').split('/').at(-1)));
    readSync(require('node:worker_threads').workerData, Buffer.alloc(1));`;
  const [fd, reader, idle] = await own.run(async ({ libc, keep }, code: string) => {
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    const [read, write] = libc.pipe();
    keep['end'] = write;
    const tidOf = (worker: InstanceType<typeof Worker>): Promise<number> =>
      new Promise((resolve) => void worker.once('message', resolve));
    const [reader, idle] = await Promise.all([
      tidOf(new Worker(code, { eval: true, workerData: read })),
      tidOf(new Worker(`${code.slice(0, code.lastIndexOf('readSync'))}; setInterval(() => {}, 1000);`, { eval: true })),
    ]);
    return [read, reader, idle] as const;
  }, startReader);
  const waits = new RegExp(`^${reader} .*; it waits in read on fd ${fd}, read end of pipe`);
  await until('it reads', async () => waits.test((await kcmp('who', reader)).out));
  assert.doesNotMatch((await kcmp('who', idle)).out, / waits in read /);
  await own.run(({ libc, keep }) => libc.close(keep['end'] as number));
});

test('an epoll instance with a target that was closed and lives on is hinted at', async () => {
  await using own = await startChild();
  const [efd, tfd] = await own.run(({ libc, keep }) => {
    const [read] = libc.pipe();
    const efd = libc.epollCreate();
    libc.epollCtl(efd, libc.EPOLL_CTL_ADD, read);
    keep['read'] = read;
    return [efd, read] as const;
  });
  assert.doesNotMatch((await kcmp('who', own.pid)).out, / stale,/);
  await own.run(({ libc, keep }) => {
    libc.dup(keep['read'] as number);
    libc.close(keep['read'] as number);
  });
  const { out } = await kcmp('who', own.pid);
  assert.match(
    out.split('\n')[0] ?? '',
    new RegExp(`; 1 target of its epoll instance fd ${efd} is stale, as kcmp epoll ${own.pid} tells`),
  );
  const { report } = await kcmpJson<OpenReport>('who', own.pid);
  assert.deepEqual(report.stale, [{ pid: own.pid, efd, tfds: [tfd] }]);
});

test('a process that is not there is trouble, and a number that is none is refused', async () => {
  const { code, out, err } = await kcmp('who', NO_PID);
  assert.deepEqual([code, out], [2, '']);
  assert.match(err, /does not exist in this pid namespace/);
  assert.equal((await kcmp('who', 0)).code, 2);
});

test('who has nothing open is 1', async () => {
  const none = await child.run(({ childProcess, keep, libc }) => {
    libc.closeAllOnExec();
    const shell = childProcess.spawn('sh', ['-c', 'exec 0<&- 1>&- 2>&-; while :; do sleep 1000 & wait; done'], {
      stdio: 'ignore',
    });
    process.on('exit', () => void shell.kill('SIGKILL'));
    keep['shell'] = shell;
    return shell.pid as number;
  });
  try {
    await until('it has closed all', async () => (await kcmp('who', none)).code === 1);
    assert.equal((await kcmp('who', none)).out, `${none} (sh) has nothing open.\n`);
  } finally {
    process.kill(none, 'SIGKILL');
  }
});

test('who waits to open a file for its lease is told to do that', async () => {
  const path = join(folder, 'leased');
  writeFileSync(path, '');
  const fd = fds.add(openSync(path, 'r'));
  // Told to whoever has the lease.
  process.once('SIGIO', () => {});
  lease(fd, false);
  const opener = spawn('sh', ['-c', 'echo > "$1"', 'sh', path], { stdio: 'ignore' });
  const waits = /; it waits in open of a file until its lease is given up/;
  try {
    await until('it waits', async () => waits.test((await kcmp('who', opener.pid as number)).out));
  } finally {
    opener.kill('SIGKILL');
  }
});

test('who waits to open a FIFO may keep the filesystem busy that is asked about', { skip: needsRoot }, async () => {
  const mounted = join(folder, 'mounted');
  mkdirSync(mounted);
  libc.mount('none', mounted, 'tmpfs', 0, '');
  try {
    const fifo = join(mounted, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const before = await kcmp('who', mounted);
    assert.match(before.out, / is open nowhere/);
    const opener = spawn('sh', ['-c', 'echo > "$1"', 'sh', fifo], { stdio: 'ignore' });
    try {
      const told = new RegExp(`; .*${opener.pid} \\(sh\\).* to open a FIFO, perhaps one of it\\.\n`);
      await until('it waits', async () => told.test((await kcmp('who', mounted)).out));
      const { code, report } = await kcmpJson<OpenReport & { opening?: number[] }>('who', mounted);
      assert.equal(code, 2);
      assert.ok(report.opening?.includes(opener.pid as number));
    } finally {
      const ended = once(opener, 'exit');
      opener.kill('SIGKILL');
      await ended;
    }
  } finally {
    libc.umount2(mounted, 0);
  }
});

test('who waits to open a FIFO has nothing open of it, which is told of both', async () => {
  const path = join(folder, 'fifo');
  execFileSync('mkfifo', [path]);
  const opener = spawn('sh', ['-c', 'echo > "$1"', 'sh', path], { stdio: 'ignore' });
  try {
    const pid = opener.pid as number;
    const waits = 'waits in open of a FIFO, until somebody opens its other end';
    await until('it waits', async () => (await kcmp('who', pid)).out.includes(`; it ${waits}`));
    const { code, out } = await kcmp('who', path);
    assert.equal(code, 2);
    assert.match(out, new RegExp(`open nowhere.*; .*${pid} \\(sh\\).* to open a FIFO, perhaps this one\\.`));
  } finally {
    opener.kill('SIGKILL');
  }
});
