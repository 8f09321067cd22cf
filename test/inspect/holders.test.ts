/** findHolders: who refers to a description, and who to another one of the same inode. */
import assert from 'node:assert/strict';
import { closeSync, constants, openSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import type { FileRef, Holder, HolderReport } from '../../src/index.ts';
import { Fds, refs } from '../support/brute.ts';
import { startChild, type Child } from '../support/child.ts';
import { findHolders } from '../support/door.ts';
import { openTty } from '../support/kinds.ts';
import * as libc from '../support/libc.ts';
import { statOf } from '../support/scenes.ts';

const me = process.pid;
const fds = new Fds();
const mine = (fd: number): FileRef => ({ pid: me, fd });

const [read, write] = fds.pipe();
const [master, tty] = openTty().map((fd) => fds.add(fd)) as [number, number];
const memfd = fds.add(libc.memfd('kcmp-holders'));
const [here, there] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
/** Three heirs have these as fd 4 to 8, a stranger has none of them. */
const [WRITE, TTY, MEMFD, THERE, LISTEN] = [4, 5, 6, 7, 8];
let server: Server;
let listen: number;
let heirs: Child[];
let stranger: Child;
let pids: number[];

before(async () => {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  listen = (server as unknown as { _handle: { fd: number } })._handle.fd;
  const given = [write, tty, memfd, there, listen];
  [stranger, ...heirs] = (await Promise.all([startChild(), ...[1, 2, 3].map(() => startChild({ fds: given }))])) as [
    Child,
    ...Child[],
  ];
  pids = [me, stranger.pid, ...heirs.map(({ pid }) => pid)];
});
after(async () => {
  await Promise.all([stranger, ...heirs].map((child) => child.stop()));
  server.close();
  fds.closeAll();
});

const holdersOf = (fd: number): Promise<HolderReport> => findHolders(mine(fd), { pids });
const heirsWith = (fd: number): FileRef[] => heirs.map(({ pid }) => ({ pid, fd }));
const find = (holders: Holder[], { pid, fd }: FileRef): Holder | undefined =>
  holders.find((holder) => holder.pid === pid && holder.fd === fd);
/** The stranger opens something by a path. */
const openThere = (path: string, flags: number): Promise<FileRef> =>
  stranger.run(
    ({ fs }, path: string, flags: number) => ({ pid: process.pid, fd: fs.openSync(path, flags) }),
    path,
    flags,
  );

test('a pipe has its three heirs as holders, a re-open through /proc as another of its inode, and the other end apart', async () => {
  const reopened = await openThere(`/proc/${me}/fd/${write}`, constants.O_WRONLY);
  const report = await holdersOf(write);
  assert.equal(report.kind, 'pipe');
  assert.equal(report.link, readlinkSync(`/proc/self/fd/${write}`));
  assert.deepEqual(report.file, mine(write));
  assert.deepEqual(refs(report.holders), refs([mine(write), ...heirsWith(WRITE)]));
  assert.deepEqual(refs(report.sameInode), [reopened]);
  assert.deepEqual(refs(report.otherEnd?.holders ?? []), [mine(read)]);
  assert.deepEqual(
    report.holders.map(({ mode }) => mode),
    ['w', 'w', 'w', 'w'],
  );
  assert.equal(report.otherEnd?.holders[0]?.mode, 'r');
  assert.equal(find(report.sameInode, reopened)?.mode, 'w');
});

test('a holder comes with close-on-exec, the command name, its user and the start time', async () => {
  const [heir] = heirs as [Child];
  const fd = await heir.run(({ libc }, fd: number) => libc.dup(fd), WRITE);
  const { holders } = await holdersOf(write);
  assert.equal(find(holders, mine(write))?.cloexec, true);
  assert.equal(find(holders, { pid: heir.pid, fd })?.cloexec, false);
  const booted = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1]);
  for (const { pid, command, uid, startTime, started } of holders) {
    assert.equal(command, readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
    assert.equal(uid, process.geteuid?.());
    assert.equal(startTime, Number(statOf(pid)[19]));
    assert.equal(started?.getTime(), (booted + Number(statOf(pid)[19]) / 100) * 1000);
  }
  await heir.run(({ libc }, fd: number) => libc.close(fd), fd);
});

test('a file that is opened twice has one holder for each open, and the dup of one shares it', async () => {
  const [first, second] = [1, 2].map(() => fds.add(openSync(import.meta.filename, 'r'))) as [number, number];
  const again = fds.dup(first);
  const report = await holdersOf(first);
  assert.deepEqual(refs(report.holders), refs([mine(first), mine(again)]));
  assert.deepEqual(refs(report.sameInode), [mine(second)]);
  assert.deepEqual([report.kind, report.link], ['regular', import.meta.filename]);
  fds.close(first, second, again);
});

test('a listening socket is held by every worker that got it, and a socket has no others of its inode', async () => {
  const report = await holdersOf(listen);
  assert.equal(report.kind, 'socket');
  assert.deepEqual(refs(report.holders), refs([mine(listen), ...heirsWith(LISTEN)]));
  assert.deepEqual(report.sameInode, []);
});

test('an inherited tty is told from the same tty opened again', async () => {
  const path = readlinkSync(`/proc/self/fd/${tty}`);
  const again = await openThere(path, constants.O_RDWR | constants.O_NOCTTY);
  const report = await holdersOf(tty);
  assert.equal(report.kind, 'tty');
  assert.deepEqual(refs(report.holders), refs([mine(tty), ...heirsWith(TTY)]));
  assert.deepEqual(refs(report.sameInode), [again]);
  assert.deepEqual(refs((await holdersOf(master)).holders), [mine(master)]);
});

test('a memfd is told from its re-open through /proc', async () => {
  const again = await openThere(`/proc/${me}/fd/${memfd}`, constants.O_RDONLY);
  const report = await holdersOf(memfd);
  assert.equal(report.kind, 'memfd');
  assert.deepEqual(refs(report.holders), refs([mine(memfd), ...heirsWith(MEMFD)]));
  assert.deepEqual(refs(report.sameInode), [again]);
  assert.equal(find(report.sameInode, again)?.mode, 'r');
});

test('two pidfds of one process are two descriptions', async () => {
  const [first, second] = [1, 2].map(() => fds.add(libc.pidfdOpen(stranger.pid))) as [number, number];
  const again = fds.dup(first);
  const report = await holdersOf(first);
  assert.equal(report.kind, 'pidfd');
  assert.deepEqual(refs(report.holders), refs([mine(first), mine(again)]));
  fds.close(first, second, again);
});

test('a descriptor opened with O_PATH is found, and its mode says so', async () => {
  const O_PATH = 0o10000000;
  const fd = fds.add(openSync('/', O_PATH));
  const report = await holdersOf(fd);
  assert.deepEqual(refs(report.holders), [mine(fd)]);
  assert.equal(report.holders[0]?.mode, 'path');
  assert.equal(report.kind, 'directory');
  fds.close(fd);
});

test('a descriptor that was passed by SCM_RIGHTS is found wherever it arrived', async () => {
  const fd = fds.eventfd();
  libc.sendFd(here, fd);
  const [heir] = heirs as [Child];
  const arrived = await heir.run(({ libc }, socket: number) => libc.receiveFd(socket), THERE);
  fds.eventfd(); // another one, of the same inode
  const report = await holdersOf(fd);
  assert.equal(report.kind, 'eventfd');
  assert.deepEqual(refs(report.holders), refs([mine(fd), { pid: heir.pid, fd: arrived }]));
});

describe('the coverage', () => {
  test('is exactly what was asked for, and what its processes have', async () => {
    const others = heirs.map(({ pid }) => pid);
    const [heir] = heirs as [Child];
    const { coverage } = await findHolders({ pid: heir.pid, fd: WRITE }, { pids: others });
    const open = await Promise.all(
      heirs.map((child) => child.run(({ fs }) => fs.readdirSync('/proc/self/fd').length - 1)),
    );
    assert.deepEqual(coverage, { processes: 3, tasks: 3, descriptors: open.reduce((a, b) => a + b), skipped: [] });
  });

  test('counts a process that has ended, which disturbs nothing', async () => {
    const gone = await startChild();
    await gone.stop();
    const { holders, coverage } = await findHolders(mine(write), { pids: [gone.pid, ...pids] });
    assert.deepEqual(refs(holders), refs([mine(write), ...heirsWith(WRITE)]));
    assert.equal(coverage.processes, pids.length);
    const [skipped] = coverage.skipped.filter(({ unit }) => unit === 'process');
    assert.deepEqual([skipped?.pid, skipped?.code, skipped?.count], [gone.pid, 'ESRCH', 1]);
    assert.notEqual(skipped?.reason, '');
  });

  test('never goes back with onProgress, and ends with all of it done', async () => {
    const seen: Array<[done: number, total: number]> = [];
    await findHolders(mine(write), { pids, onProgress: (done, total) => seen.push([done, total]) });
    const [last] = seen.slice(-1) as [[number, number]];
    assert.equal(last[0], last[1]);
    assert.ok(seen.every(([done, total], i) => total === last[1] && done >= (seen[i - 1]?.[0] ?? 0)));
    assert.ok(seen.length > 2);
  });
});

test('the file asked about is found although its process is not among those asked for', async () => {
  assert.deepEqual(refs((await findHolders(mine(write), { pids: [] })).holders), [mine(write)]);
});

test('a closed descriptor is EBADF, a process that does not exist ESRCH', async () => {
  const closed = openSync('/', constants.O_RDONLY);
  closeSync(closed);
  await assert.rejects(() => findHolders(mine(closed), { pids }), { code: 'EBADF' });
  await assert.rejects(() => findHolders({ pid: 2 ** 31 - 1, fd: 0 }, { pids }), { code: 'ESRCH' });
});

test('bad arguments are refused as Node refuses them', async () => {
  const bad = findHolders as (...args: unknown[]) => Promise<HolderReport>;
  await assert.rejects(() => bad(undefined), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
  await assert.rejects(() => bad({ pid: '1', fd: 0 }), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
  await assert.rejects(() => bad({ pid: me, fd: -1 }), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
  await assert.rejects(() => bad({ pid: me, fd: 0.5 }), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
  await assert.rejects(() => bad(mine(read), { pids: me }), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
  await assert.rejects(() => bad(mine(read), { pids: [2 ** 31] }), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
});

test('a descriptor that is closed while the others are looked at is EBADF, and not held by nobody', async () => {
  const [closing] = fds.pipe();
  let isOpen = true;
  const onProgress = (): void => {
    if (isOpen) fds.close(closing);
    isOpen = false;
  };
  await assert.rejects(() => findHolders(mine(closing), { pids: [me], onProgress }), { code: 'EBADF' });
});

for (const path of ['/dev/null', '/dev/zero', '/dev/urandom', '/dev/ptmx']) {
  test(`of ${path} the inode says nothing about who else has it`, async () => {
    const fds = [openSync(path, 'r'), openSync(path, 'r')] as const;
    const { sameInode, holders } = await findHolders({ pid: process.pid, fd: fds[0] }, { pids: [process.pid] });
    for (const fd of fds) closeSync(fd);
    assert.deepEqual([sameInode, holders.map(({ fd }) => fd)], [[], [fds[0]]]);
  });
}
