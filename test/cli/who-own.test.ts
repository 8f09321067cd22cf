/** kcmp who: what is a process' own is not told of others, nor what others have of it, nor what a name stands for now. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Child, startChild } from '../support/child.ts';
import { hasLongOffsets } from '../support/locks.ts';
import { startThread } from '../support/scenes.ts';
import { kcmp } from './command.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp-own-')));
const pathOf = (name: string): string => join(folder, name);
after(() => rmSync(folder, { recursive: true }));
const firstLine = (out: string): string => out.split('\n', 1)[0] as string;

test('of a thread its own process is nobody else', async () => {
  await using child = await startChild();
  const thread = await startThread(child);
  const [read] = await child.run(({ libc }) => libc.pipe());
  const { out, code } = await kcmp('who', `${thread}:${read}`);
  assert.match(firstLine(out), /; its other end is held by \S+ \(\d+\), fd \d+ \(a thread of \d+\)\.$/);
  assert.equal(code, 0);
  assert.doesNotMatch((await kcmp('who', '--pids', thread)).out, new RegExp(`^${child.pid}$`, 'm'));
});

test('a thread with a table of its own is no second process', async () => {
  await using child = await startChild();
  writeFileSync(pathOf('threads'), '');
  const [pid] = await child.run(
    ({ fs, startWorker }, worker: string, path: string) =>
      new Promise<[number, number]>((resolve, reject) => {
        fs.openSync(path, 'r');
        startWorker(worker, { path }).on('error', reject).on('message', resolve);
      }),
    new URL('../support/giver.ts', import.meta.url).href,
    pathOf('threads'),
  );
  const { out } = await kcmp('who', pathOf('threads'));
  process.kill(pid);
  assert.match(
    firstLine(out),
    / is open as \d open file descriptions, held by \S+ \(\d+\), fd [\d, and]+(?: \(a thread of \d+\))?, and 1 more process\.$/,
  );
});

describe('a POSIX lock on a file that a child has inherited', {
  skip: !hasLongOffsets && 'struct flock is another one here',
}, () => {
  const path = pathOf('kept');
  let keeper: Child;
  let heir: number;
  before(async () => {
    keeper = await startChild();
    heir = await keeper.run(
      async ({ fs, childProcess }, path: string, locks: string) => {
        const { posix } = (await import(locks)) as typeof import('../support/locks.ts');
        const fd = fs.openSync(path, 'w');
        posix(fd, true);
        const stdio = ['ignore', 'ignore', 'ignore', fd] as Array<'ignore' | number>;
        return childProcess.spawn('sleep', ['1000'], { stdio }).pid as number;
      },
      path,
      new URL('../support/locks.ts', import.meta.url).href,
    );
  });
  after(async () => {
    process.kill(heir, 'SIGKILL');
    await keeper.stop();
  });

  test('is the parent’s', async () => {
    const rowOf = async (pid: number): Promise<string> => {
      const { out } = await kcmp('who', pid);
      return out.split('\n').find((line) => line.includes(path)) as string;
    };
    assert.match(await rowOf(keeper.pid), /; locked/);
    assert.match(await rowOf(heir), /also held by/);
    assert.doesNotMatch(await rowOf(heir), /locked/);
  });

  test('is none of processes that were not asked about', async () => {
    const free = pathOf('free of descriptors here');
    writeFileSync(free, '');
    const other = spawn('sleep', ['1000'], { stdio: 'ignore' });
    try {
      const { code, out } = await kcmp('who', '--pid', other.pid as number, path);
      assert.match(firstLine(out), /^\S+ is open in none of these processes/);
      assert.notEqual(code, 0);
    } finally {
      other.kill('SIGKILL');
    }
  });
});

describe('a name that was given to another file', () => {
  const open = (path: string): ReturnType<typeof spawn> =>
    spawn('sh', ['-c', 'exec 3<>"$1" && echo && exec sleep 1000', 'sh', path], { stdio: ['ignore', 'pipe', 'ignore'] });

  test('is that of a FIFO, or of a link of a file that has others', async () => {
    const [fifo, name, link] = ['fifo', 'name', 'link'].map(pathOf) as [string, string, string];
    execFileSync('mkfifo', [fifo]);
    writeFileSync(name, '');
    execFileSync('ln', [name, link]);
    const opened = [open(fifo), open(link)];
    await Promise.all(opened.map(({ stdout }) => new Promise((resolve) => stdout?.once('data', resolve))));
    try {
      for (const path of [fifo, link]) {
        unlinkSync(path);
        writeFileSync(path, '');
        const { out } = await kcmp('who', path);
        assert.match(
          firstLine(out),
          /that is there now is open nowhere; a file of this name that was deleted is held by/,
        );
      }
      assert.match(
        firstLine((await kcmp('who', name)).out),
        /\/name is held by sleep .*, as \/.*\/link \(deleted\)\.$/,
      );
    } finally {
      for (const one of opened) one.kill('SIGKILL');
    }
  });

  test('is no socket’s any more that clients could reach', async () => {
    const path = pathOf('socket');
    await using server = await startChild();
    await server.run(({ sockets }, path: string) => {
      sockets.listener(sockets.STREAM, sockets.unixAddress(path));
    }, path);
    assert.doesNotMatch((await kcmp('who', path)).out, /does not exist/);
    unlinkSync(path);
    const { code, out } = await kcmp('who', path);
    assert.match(firstLine(out), / is held by .*; a file of that name does not exist here\.$/);
    assert.equal(code, 0);
  });
});
