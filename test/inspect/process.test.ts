/** findOpen by a process: all that it has open, as findHolders tells of each descriptor by itself. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { FoundFile, HolderReport, OpenReport } from '../../src/index.ts';
import { Fds, refs } from '../support/brute.ts';
import { type Child, startChild } from '../support/child.ts';
import { findHolders, findOpen } from '../support/door.ts';
import { KINDS } from '../support/kinds.ts';
import * as libc from '../support/libc.ts';
import { startThread } from '../support/scenes.ts';
import { until } from '../support/until.ts';

const NO_PID = 2 ** 22 + 1;
const { pid } = process;
const fds = new Fds();
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp-process-')));
let child: Child;
let pids: number[];

before(async () => {
  const [read, write] = fds.pipe();
  const [here, there] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
  child = await startChild({ fds: [read, here] });
  fds.close(read, here);
  assert.ok(write > 2 && there > 2);
  pids = [pid, child.pid];
});
after(async () => {
  await child.stop();
  fds.closeAll();
  rmSync(folder, { recursive: true });
});

const PARTS = [
  'kind',
  'link',
  'name',
  'flags',
  'pos',
  'size',
  'uid',
  'holders',
  'sameInode',
  'otherEnd',
  'locks',
  'blockedBy',
] as const;
const factsOf = (file: FoundFile | HolderReport): unknown => ({
  ...Object.fromEntries(PARTS.map((part) => [part, file[part]])),
  // Node counts on in its own.
  name: file.name?.replace(/^eventfd, count \d+$/, 'eventfd') ?? null,
});

/** Of each descriptor of a process what findHolders says of it, each description once. */
async function assertAsFindHolders({ files }: OpenReport, of: number, where: number[]): Promise<void> {
  assert.ok(files.length > 0);
  for (const file of files) {
    const own = file.holders.find((holder) => holder.pid === of);
    assert.ok(own !== undefined, `${file.link}`);
    const alone = await findHolders(own, { pids: where });
    assert.deepEqual(factsOf(file), factsOf(alone), `fd ${own.fd}, ${file.link}`);
  }
}

/** What the child's table lists, but for what Node opens and closes by itself. */
const listOf = (of: Child): Promise<number[]> =>
  of.run(({ fs }) => {
    const fds = fs.readdirSync('/proc/self/fd').map(Number);
    return fds.filter((fd) => fs.lstatSync(`/proc/self/fd/${fd}`, { throwIfNoEntry: false }) !== undefined);
  });

describe('of each descriptor', () => {
  test('it tells what findHolders does: pipes, sockets, terminals, files of every kind', async () => {
    await child.run(
      async ({ childProcess, fs, libc, sockets, keep }, folder: string, kinds: string) => {
        const { KINDS, openTty } = (await import(kinds)) as typeof import('../support/kinds.ts');
        for (const { open } of KINDS) open();
        openTty();
        const log = fs.openSync(`${folder}/log`, 'a');
        keep['more'] = [fs.openSync(`${folder}/log`, 'a'), fs.openSync(`${folder}/log`, 'r'), libc.dup(log)];
        childProcess.spawnSync('flock', ['-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', log] });
        libc.pipe();
        sockets.pair(sockets.STREAM);
        libc.close(sockets.pair(sockets.DGRAM)[0]);
        for (const address of [
          sockets.unixAddress(`${folder}/x.sock`),
          sockets.inetAddress({ address: '127.0.0.1', port: 0 }),
        ]) {
          const listener = sockets.listener(sockets.STREAM, address);
          const port = address[0] === sockets.AF_INET ? sockets.portOf(listener) : 0;
          const to = port === 0 ? address : sockets.inetAddress({ address: '127.0.0.1', port });
          sockets.client(sockets.STREAM, to);
          sockets.accept(listener);
          sockets.client(sockets.STREAM, to);
        }
        const receiver = sockets.socket(sockets.AF_UNIX, sockets.DGRAM);
        sockets.bind(receiver, sockets.unixAddress(`${folder}/receiver`));
        sockets.client(sockets.DGRAM, sockets.unixAddress(`${folder}/receiver`));
        sockets.socket(sockets.AF_INET, sockets.STREAM);
      },
      folder,
      new URL('../support/kinds.ts', import.meta.url).href,
    );
    const report = await findOpen(`${child.pid}`, { pids });
    await assertAsFindHolders(report, child.pid, pids);
    const own = report.files.flatMap(({ holders }) => holders.filter((holder) => holder.pid === child.pid));
    assert.deepEqual(new Set(own.map(({ fd }) => fd)), new Set(await listOf(child)));
    assert.deepEqual([report.reference, report.unheld, report.coverage.skipped], [`${child.pid}`, [], []]);
    assert.ok(KINDS.every(({ kind }) => report.files.some((file) => file.kind === kind)));
  });

  test('also who else has it, and what others have at its other end', async () => {
    await using other = await startChild();
    const report = await findOpen(`${child.pid}`, { pids: [...pids, other.pid] });
    await assertAsFindHolders(report, child.pid, [...pids, other.pid]);
    const ends = report.files.flatMap(({ otherEnd }) => otherEnd?.holders ?? []);
    assert.ok(ends.filter((end) => end.pid === pid).length >= 2);
  });

  test('without its parts there is no other end', async () => {
    const { files } = await findOpen(`${child.pid}`, { pids, parts: [] });
    assert.ok(files.length > 0 && files.every((file) => !('otherEnd' in file)));
  });

  test('the report is fit for JSON', async () => {
    const report = await findOpen(`${child.pid}`, { pids });
    assert.equal(JSON.parse(JSON.stringify(report)).files.length, report.files.length);
  });
});

test('what it waits for in a system call comes first', async () => {
  const cat = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
  try {
    const of = cat.pid as number;
    const report = await until('cat reads', async () => {
      const report = await findOpen(`${of}`, { pids: [pid] });
      return (report.waiting?.length ?? 0) > 0 ? report : undefined;
    });
    assert.deepEqual(report.waiting, [{ pid: of, fd: 0, task: of, call: 'read' }]);
    assert.deepEqual(refs(report.files[0]?.holders ?? []), [{ pid: of, fd: 0 }]);
    assert.deepEqual(
      refs(report.files[0]?.otherEnd?.holders ?? []).map((end) => end.pid),
      [pid],
    );
  } finally {
    cat.kill();
  }
});

test('a thread with a table of its own is asked about by its id, and is part of its process', async () => {
  await using threaded = await startChild();
  const tid = await startThread(threaded, libc.CLONE_FILES);
  const all = await findOpen(`${threaded.pid}`, { pids });
  const own = await findOpen(`${tid}`, { pids });
  assert.ok(own.files.every(({ holders }) => holders.some((holder) => holder.pid === tid)));
  const tasks = new Set(all.files.flatMap(({ holders }) => holders.map((holder) => holder.pid)));
  assert.ok(tasks.has(tid) && tasks.has(threaded.pid));
  // Its process has the other end of a pipe, and what it has not itself.
  const [read] = await threaded.run(({ libc }) => libc.pipe());
  const beside = await startThread(threaded, libc.CLONE_FILES, [read]);
  const { files } = await findOpen(`${beside}`, { pids });
  assert.ok(files.every(({ holders }) => holders.some((holder) => holder.pid === beside)));
});

test('with its descendants, of which each description is told once', async () => {
  await using parent = await startChild();
  const grandchild = await parent.run(async ({ childProcess, fs, keep }, folder: string) => {
    const log = fs.openSync(`${folder}/shared`, 'a');
    const sleep = childProcess.spawn('sleep', ['1000'], { stdio: ['ignore', log, 'pipe'] });
    process.on('exit', () => void sleep.kill('SIGKILL'));
    keep['sleep'] = sleep;
    return sleep.pid as number;
  }, folder);
  try {
    const shared = join(folder, 'shared');
    const { files } = await findOpen(`${parent.pid}`, { pids, tree: true });
    const [log, ...more] = files.filter(({ link }) => link === shared);
    assert.deepEqual(more, []);
    assert.deepEqual(new Set(log?.holders.map((holder) => holder.pid)), new Set([parent.pid, grandchild]));
    const own = await findOpen(`${grandchild}`, { pids });
    assert.ok(files.length > own.files.length);
    const alone = await findOpen(`${parent.pid}`, { pids });
    assert.ok(!alone.files.some(({ holders }) => holders.every((holder) => holder.pid === grandchild)));
  } finally {
    process.kill(grandchild, 'SIGKILL');
  }
});

test('what is not there, or not a process, is thrown', async () => {
  await assert.rejects(findOpen(`${NO_PID}`), { code: 'ESRCH', pid: NO_PID });
  await assert.rejects(findOpen('0'), { code: 'ERR_INVALID_ARG_VALUE' });
  await assert.rejects(findOpen(`${child.pid}`, { tree: 1 as unknown as boolean }), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('who has nothing open has no files, and that is no error', async () => {
  await using sleep = await startChild();
  const of = await sleep.run(({ childProcess, keep, libc }) => {
    libc.closeAllOnExec();
    const shell = childProcess.spawn('sh', ['-c', 'exec 0<&- 1>&- 2>&-; while :; do sleep 1000 & wait; done'], {
      stdio: 'ignore',
      detached: false,
    });
    process.on('exit', () => void shell.kill('SIGKILL'));
    keep['shell'] = shell;
    return shell.pid as number;
  });
  try {
    const { files } = await until('it has closed all', async () => {
      const report = await findOpen(`${of}`, { pids });
      return report.files.length === 0 ? report : undefined;
    });
    assert.deepEqual(files, []);
  } finally {
    process.kill(of, 'SIGKILL');
  }
});
