/** What keeps a file open without a descriptor: mapped, in flight, registered with io_uring. */
import assert from 'node:assert/strict';
import { mkdtempSync, openSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Elsewhere } from '../../src/index.ts';
import { keptBy, registeredWith, tellsFiles } from '../../src/inspect/elsewhere/registered.ts';
import { Fds } from '../support/brute.ts';
import { startChild } from '../support/child.ts';
import { findHolders, resolveEpoll } from '../support/door.ts';
import * as libc from '../support/libc.ts';
import { noRing, openRing } from '../support/ring.ts';
import { ORDINARY } from '../support/user.ts';

const { pid } = process;
const fds = new Fds();
const folder = mkdtempSync(join(tmpdir(), 'kcmp elsewhere-'));
after(() => {
  fds.closeAll();
  rmSync(folder, { recursive: true });
});

const elsewhereOf = async (fd: number, others: number[] = []): Promise<Elsewhere[]> =>
  (await findHolders({ pid, fd }, { pids: [pid, ...others], parts: ['elsewhere'] })).elsewhere ?? [];

/** A file that a child has mapped and not open. */
const mapsOnly = async (child: Awaited<ReturnType<typeof startChild>>, given: number): Promise<void> =>
  child.run(({ libc, keep }, fd) => {
    keep['mapping'] = libc.mapShared(fd, 4096);
    libc.close(fd);
  }, given);

test('a memfd and a file that are mapped only', async () => {
  const memfd = fds.add(libc.memfd('kcmp elsewhere'));
  libc.write(memfd, new Uint8Array(4096));
  const path = join(folder, 'a file');
  writeFileSync(path, 'x'.repeat(4096));
  const file = fds.add(openSync(path, 'r+'));
  await using child = await startChild({ fds: [memfd, file] });
  assert.deepEqual(await elsewhereOf(memfd, [child.pid]), []);
  await mapsOnly(child, 4);
  assert.deepEqual(await elsewhereOf(memfd, [child.pid]), [{ how: 'mapped', pid: child.pid, sure: 'inode' }]);
  await mapsOnly(child, 5);
  assert.deepEqual(await elsewhereOf(file, [child.pid]), [{ how: 'mapped', pid: child.pid, sure: 'inode' }]);
  // Another file that takes its place is another one.
  rmSync(path);
  writeFileSync(path, 'other');
  assert.deepEqual(await elsewhereOf(fds.add(openSync(path, 'r')), [child.pid]), []);
});

test('an ordinary user, who may not look at mappings, finds them by device and inode', async () => {
  const memfd = fds.add(libc.memfd('kcmp-ordinary'));
  libc.write(memfd, new Uint8Array(4096));
  await using asker = await startChild({ ...ORDINARY, fds: [memfd] });
  await using holder = await startChild({ ...ORDINARY, fds: [memfd] });
  await mapsOnly(holder, 4);
  const { elsewhere } = await asker.run(
    ({ door }, other) => door.findHolders({ pid: process.pid, fd: 4 }, { pids: [process.pid, other] }),
    holder.pid,
  );
  assert.deepEqual(elsewhere, [{ how: 'mapped', pid: holder.pid, sure: 'inode' }]);
});

test('a file in flight may be this one, and is told where nobody else has it', async () => {
  const [read, write] = fds.pipe();
  assert.deepEqual(await elsewhereOf(read), []);
  const [here, there] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
  libc.sendFd(here, read);
  const carrier: Elsewhere = { how: 'in-flight', pid, fd: there, sure: 'possible' };
  assert.deepEqual(await elsewhereOf(read), [carrier]);
  const another = fds.dup(write);
  assert.deepEqual(await elsewhereOf(write), [], 'somebody has it');
  fds.close(another);
  assert.deepEqual(await elsewhereOf(write), [carrier], 'nothing tells that it is the other one');
  fds.add(libc.receiveFd(there));
  assert.deepEqual(await elsewhereOf(write), []);
});

test('a file in flight among hundreds of sockets, of which only those are asked that may carry something', async () => {
  const [read] = fds.pipe();
  const pairs = Array.from({ length: 260 }, () => libc.socketpair().map((fd) => fds.add(fd)) as [number, number]);
  const [here, there] = pairs[100] as [number, number];
  libc.sendFd(here, read);
  assert.deepEqual(await elsewhereOf(read), [{ how: 'in-flight', pid, fd: there, sure: 'possible' }]);
  fds.add(libc.receiveFd(there));
  assert.deepEqual(await elsewhereOf(read), []);
});

test('it is told among many sockets', async () => {
  const event = libc.closeOnExec(fds.eventfd());
  const pairs = Array.from({ length: 80 }, () => libc.socketpair().map((fd) => fds.add(fd)) as [number, number]);
  const [here, there] = pairs.at(-1) as [number, number];
  assert.deepEqual(await elsewhereOf(event), []);
  libc.sendFd(here, event);
  assert.deepEqual(await elsewhereOf(event), [{ how: 'in-flight', pid, fd: there, sure: 'possible' }]);
  fds.add(libc.receiveFd(there));
});

test('a file that comes down while it is looked for is never held by nobody', async () => {
  const [read] = fds.pipe();
  const [here, there] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
  await using child = await startChild({ fds: [there] });
  // So many that it takes a while to look at them.
  await child.run(({ libc }) => {
    for (let i = 0; i < 2000; i++) libc.eventfd();
  });
  libc.close(there);
  for (let question = 0; question < 60; question++) {
    libc.sendFd(here, read);
    const received = child.run(({ libc }, milliseconds) => {
      for (const end = performance.now() + milliseconds; performance.now() < end; );
      return libc.receiveFd(4);
    }, question / 4);
    await new Promise((resolve) => setTimeout(resolve, 2));
    const {
      holders,
      elsewhere = [],
      coverage,
    } = await findHolders({ pid, fd: read }, { pids: [pid, child.pid], parts: ['elsewhere'] });
    assert.ok(holders.length > 1 || elsewhere.length > 0 || coverage.skipped.length > 0, `question ${question}`);
    await child.run(({ libc }, fd) => libc.close(fd), await received);
  }
});

/** An io_uring instance with which these are registered. */
const ringOf = (...files: number[]): number => fds.add(openRing(...files).fd);

test('a file registered with io_uring: a socket is told for sure, the end of a pipe is one of two', {
  skip: noRing,
}, async () => {
  const [, write] = fds.pipe();
  const [socket] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
  const file = fds.add(openSync(join(folder, 'with blanks in it'), 'w'));
  const other = fds.add(openSync(join(folder, 'other'), 'w'));
  const fd = ringOf(write, socket, file);
  const entry = (sure: Elsewhere['sure']): Elsewhere[] => [{ how: 'io_uring', pid, fd, sure }];
  assert.deepEqual(await elsewhereOf(write), entry('possible'));
  const [told] = await elsewhereOf(socket);
  assert.ok(told?.sure === 'description' || told?.sure === 'possible', 'older kernels do not name it');
  assert.deepEqual(await elsewhereOf(file), entry('possible'));
  assert.deepEqual(await elsewhereOf(other), []);
});

test('a target that is in flight, or registered, and that nobody has open', { skip: noRing }, async () => {
  const [target, end] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
  const efd = fds.epoll(target);
  const ring = ringOf(target);
  const ino = Number(/\d+/.exec(readlinkSync(`/proc/self/fd/${target}`)));
  fds.close(target);
  const [told] = (await resolveEpoll(pid, efd, { pids: [pid] })).targets;
  assert.deepEqual([told?.status, told?.ino], ['unresolved', BigInt(ino)]);
  assert.ok(told?.elsewhere?.some((one) => one.how === 'io_uring' && one.pid === pid && one.fd === ring));
  fds.close(ring);
  fds.close(end);

  const [flying] = libc.socketpair().map((fd) => fds.add(fd)) as [number];
  const [to, from] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
  const other = fds.epoll(flying);
  libc.sendFd(from, flying);
  fds.close(flying);
  const { targets } = await resolveEpoll(pid, other, { pids: [pid] });
  const inFlight = targets[0]?.elsewhere?.filter(({ how }) => how === 'in-flight');
  assert.deepEqual(inFlight, [{ how: 'in-flight', pid, fd: to, sure: 'possible' }]);
  // Where a descriptor is found there is nothing to tell.
  const live = fds.epoll(to);
  assert.equal((await resolveEpoll(pid, live, { pids: [pid] })).targets[0]?.elsewhere, undefined);
});

test('an instance names its files whole, by the last part of their names, not at all, or nothing while it is busy', () => {
  const files = (...lines: string[]): string =>
    [
      'SqMask:\t0x3',
      `UserFiles:\t${lines.length}`,
      ...lines.map((line, i) => `    ${i}: ${line}`),
      'UserBufs:\t0',
      '',
    ].join('\n');
  assert.equal(registeredWith(files('socket:[7]'), 'socket:[7]'), 'sure');
  assert.equal(registeredWith(files('socket:[8]', 'pipe:[7]'), 'pipe:[7]'), 'possible');
  assert.equal(registeredWith(files('pipe:[8]'), 'pipe:[7]'), 'no');
  assert.equal(registeredWith(files('/tmp/a\\040b\\040(deleted)'), '/tmp/a b (deleted)'), 'possible');
  assert.equal(registeredWith(files('/tmp/b'), '/tmp/a/b'), 'no');
  assert.equal(registeredWith(files('b'), '/tmp/b'), 'possible');
  assert.equal(registeredWith(files('b'), '/tmp/b (deleted)'), 'possible');
  assert.equal(registeredWith(files('c'), '/tmp/b'), 'no');
  assert.equal(registeredWith(files('x'.repeat(39)), `/tmp/${'x'.repeat(60)}`), 'possible');
  assert.equal(registeredWith(files(''), 'pipe:[7]'), 'possible');
  assert.equal(registeredWith(files('<none>', '<none>'), 'pipe:[7]'), 'no');
  assert.equal(registeredWith('UserFiles:\t2\nUserBufs:\t0\n', 'pipe:[7]'), 'possible');
  assert.equal(registeredWith('UserFiles:\t0\nUserBufs:\t0\n', 'pipe:[7]'), 'no');
  assert.ok(tellsFiles(files()));
  assert.ok(!tellsFiles('SqMask:\t0x3\nSqHead:\t0\n'));
  // By its inode alone.
  assert.equal(registeredWith(files('socket:[7]'), 7n), 'sure');
  assert.equal(registeredWith(files('pipe:[7]'), 7n), 'possible');
  assert.equal(registeredWith(files('pipe:[8]', 'socket:[77]'), 7n), 'no');
  assert.equal(registeredWith(files('anon_inode:[eventfd]'), 7n), 'possible');
  // A request that waits for a file.
  const waiting = `${files()}PollList:\n  op=27, task_works=0\nCqOverflowList:\n`;
  assert.deepEqual([registeredWith(waiting, 7n), keptBy(waiting, 7n)], ['no', 'possible']);
  assert.equal(keptBy(`${files()}PollList:\nCqOverflowList:\n`, 7n), 'no');
});
