/** The other end of pipes and FIFOs: what is open on the same inode in the other direction. */
import assert from 'node:assert/strict';
import { constants, mkdtempSync, openSync, readlinkSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { byDescription } from '../../src/inspect/peers/by-description.ts';
import { Account } from '../../src/scan/coverage.ts';
import { finish } from '../../src/scan/steps.ts';
import type { FileRef, OtherEnd } from '../../src/index.ts';
import { Fds, refs } from '../support/brute.ts';
import { startChild, type Child } from '../support/child.ts';
import { findHolders } from '../support/door.ts';
import * as libc from '../support/libc.ts';
import { startThread } from '../support/scenes.ts';

const me = process.pid;
const fds = new Fds();
const mine = (fd: number): FileRef => ({ pid: me, fd });
const folder = mkdtempSync(join(tmpdir(), 'kcmp-peers-'));

const [read, write] = fds.pipe();
/** The children's number of the writing end. */
const WRITE = 4;
let heirs: [Child, Child];
let pids: number[];
before(async () => {
  heirs = (await Promise.all([1, 2].map(() => startChild({ fds: [write] })))) as [Child, Child];
  pids = [me, ...heirs.map(({ pid }) => pid)];
});
after(async () => {
  await Promise.all(heirs.map((child) => child.stop()));
  fds.closeAll();
  rmSync(folder, { recursive: true });
});

async function otherEndOf(file: FileRef, among: number[] = pids): Promise<OtherEnd> {
  const { otherEnd } = await findHolders(file, { pids: among });
  assert.ok(otherEnd);
  return otherEnd;
}
const endsOf = ({ ends }: OtherEnd): Array<[name: string | null, holders: FileRef[]]> =>
  ends.map(({ name, holders }) => [name, refs(holders)]);

test('the read end of a pipe has one writing end, which three processes hold', async () => {
  const found = await otherEndOf(mine(read));
  const link = readlinkSync(`/proc/self/fd/${read}`);
  const holders = refs([mine(write), ...heirs.map(({ pid }) => ({ pid, fd: WRITE }))]);
  assert.deepEqual([found.state, found.via, found.name], ['connected', 'inode', `write end of ${link}`]);
  assert.equal(found.reason, undefined);
  assert.deepEqual(refs(found.holders), holders);
  assert.deepEqual(endsOf(found), [[`write end of ${link}`, holders]]);
  assert.deepEqual([found.ends[0]?.link, found.ends[0]?.state], [link, 'connected']);
});

test('and the other way round: a child’s writing end is read by its parent', async () => {
  const found = await otherEndOf({ pid: heirs[1].pid, fd: WRITE });
  assert.deepEqual(endsOf(found), [[`read end of ${readlinkSync(`/proc/self/fd/${read}`)}`, [mine(read)]]]);
  const { command, mode, uid, started } = found.holders[0] ?? {};
  assert.deepEqual(
    [typeof command, mode, uid, typeof started?.getTime()],
    ['string', 'r', process.geteuid?.(), 'number'],
  );
});

test('a writing end that is opened once more is an end of its own, and no other end of the first', async () => {
  const fd = await heirs[0].run(
    ({ fs }, path: string, flags: number) => fs.openSync(path, flags),
    `/proc/${me}/fd/${write}`,
    constants.O_WRONLY,
  );
  const again = { pid: heirs[0].pid, fd };
  const found = await otherEndOf(mine(read));
  assert.deepEqual(
    found.ends.map(({ holders }) => holders.length),
    [3, 1],
  );
  assert.deepEqual(refs(found.ends[1]?.holders ?? []), [again]);
  const report = await findHolders(mine(write), { pids });
  assert.deepEqual([refs(report.sameInode), refs(report.otherEnd?.holders ?? [])], [[again], [mine(read)]]);
  await heirs[0].run(({ fs }, fd: number) => fs.closeSync(fd), fd);
});

test('a thread with a table of its own is a holder of the other end', async () => {
  const child = await startChild({ fds: [write] });
  const thread = await startThread(child, libc.CLONE_FILES);
  await child.run(({ libc }, fd: number) => libc.close(fd), WRITE);
  const { holders } = await otherEndOf(mine(read), [me, child.pid]);
  assert.deepEqual(refs(holders), refs([mine(write), { pid: thread, fd: WRITE }]));
  await child.stop();
});

describe('a FIFO', () => {
  const path = join(folder, 'fifo');
  const open = (flags: number): number => fds.add(openSync(path, flags));
  let both: number;
  before(() => {
    assert.equal(spawnSync('mkfifo', [path]).status, 0);
    both = open(constants.O_RDWR);
  });

  test('that is open in both directions is its own other end', async () => {
    const copy = fds.dup(both);
    const found = await otherEndOf(mine(both));
    assert.deepEqual(endsOf(found), [[`both ends of ${path}`, refs([mine(both), mine(copy)])]]);
    assert.equal(found.state, 'connected');
    fds.close(copy);
  });

  test('has every reader as an end of its own', async () => {
    const readers = [open(constants.O_RDONLY), open(constants.O_RDONLY)];
    const writer = open(constants.O_WRONLY);
    const [reading, writing] = [`read end of ${path}`, `write end of ${path}`];
    const toRead = await otherEndOf(mine(writer));
    assert.deepEqual(endsOf(toRead), [
      [`both ends of ${path}`, [mine(both)]],
      ...readers.map((fd) => [reading, [mine(fd)]]),
    ]);
    assert.equal(toRead.name, null); // not all are called the same
    assert.deepEqual(endsOf(await otherEndOf(mine(readers[0] as number))), [
      [`both ends of ${path}`, [mine(both)]],
      [writing, [mine(writer)]],
    ]);
    assert.equal((await otherEndOf(mine(both))).holders.length, 4);
    fds.close(...readers, writer);
  });

  test('that is opened without access is an end of nothing', async () => {
    const O_PATH = 0o10000000;
    const named = open(O_PATH);
    const report = await findHolders(mine(named), { pids });
    assert.deepEqual([report.kind, report.otherEnd], ['fifo', null]);
    assert.ok(!refs((await otherEndOf(mine(both))).holders).some(({ fd }) => fd === named));
    fds.close(named);
  });
});

describe('where nobody is found', () => {
  test('among some processes, nothing is said of the others', async () => {
    const { state, reason, holders, ends } = await otherEndOf(mine(read), [heirs[0].pid]).then(async (found) => {
      assert.deepEqual(refs(found.holders), refs([mine(write), { pid: heirs[0].pid, fd: WRITE }]));
      const alone = fds.pipe();
      fds.close(alone[1]);
      return otherEndOf(mine(alone[0]));
    });
    assert.deepEqual(
      [state, reason, holders, ends],
      ['unknown', 'only the processes asked for were looked at', [], []],
    );
  });

  test('on the whole machine, it is closed where all of it can be seen', async () => {
    const [reader, writer] = fds.pipe();
    fds.close(writer);
    const { otherEnd, coverage } = await findHolders(mine(reader));
    const [state, reason] = [otherEnd?.state, otherEnd?.reason];
    // A neighbour may have something in flight, or not be open to a look; the process was not born in every namespace.
    if (state !== 'closed') assert.ok(typeof reason === 'string' && reason !== '', `${state} without a reason`);
    if (state === 'closed')
      assert.deepEqual([reason, coverage.skipped.filter(({ code }) => code === 'EPERM')], [undefined, []]);
    else if (state === 'unseen')
      assert.match(`${reason}`, /^it may be (?:in flight to|registered with) fd \d+ of pid \d+/);
    else assert.equal(state, 'unknown');
  });

  test('it is not closed while it may be in flight', async () => {
    const [reader, writer] = fds.pipe();
    const [here, there] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
    libc.sendFd(here, writer);
    fds.close(writer);
    const { otherEnd } = await findHolders(mine(reader));
    assert.notEqual(otherEnd?.state, 'closed');
    assert.deepEqual(otherEnd?.holders, []);
    const { reason } = await otherEndOf(mine(reader));
    assert.match(`${reason}`, new RegExp(`^it may be in flight to fd ${there} of pid ${me}; `));
    const arrived = fds.add(libc.receiveFd(there));
    assert.deepEqual(refs((await findHolders(mine(reader), { pids: [] })).otherEnd?.holders ?? []), [mine(arrived)]);
    fds.close(here, there);
  });
});

test('what has no other end has none', async () => {
  const others = [
    openSync('/', 'r'),
    openSync('/dev/null', 'r'),
    libc.eventfd(),
    libc.epollCreate(),
    libc.memfd('kcmp'),
  ];
  for (const fd of others.map((fd) => fds.add(fd)))
    assert.equal((await findHolders(mine(fd), { pids: [me] })).otherEnd, null);
});

test('the parts that are not wanted are absent', async () => {
  const report = await findHolders(mine(write), { pids: [me], parts: [] });
  assert.ok(!('otherEnd' in report));
  assert.deepEqual(report.sameInode, []);
  assert.ok((await findHolders(mine(write), { pids: [me], parts: ['otherEnd'] })).otherEnd);
  const bad = findHolders as (file: FileRef, options: unknown) => Promise<unknown>;
  await assert.rejects(() => bad(mine(write), { parts: ['peers'] }), { code: 'ERR_INVALID_ARG_VALUE' });
  for (const parts of ['otherEnd', 7, [7]])
    await assert.rejects(() => bad(mine(write), { parts }), {
      name: 'TypeError',
      code: /^ERR_INVALID_ARG_(TYPE|VALUE)$/,
    });
});

test('an end that moves to another number while it is looked for is found, or told as not looked at', async () => {
  const [reader, writer] = fds.pipe();
  let at = writer;
  for (const moves of [1, 2, 3, 5, 8, Infinity]) {
    let left = moves;
    const move = (): void => {
      if (left-- <= 0) return;
      const to = fds.dup(at);
      fds.close(at);
      at = to;
    };
    const { otherEnd, coverage } = await findHolders(mine(reader), { pids, onProgress: move });
    const isTold = coverage.skipped.some(({ pid, code }) => pid === me && code === 'EAGAIN');
    if (!isTold) assert.deepEqual(refs(otherEnd?.holders ?? []), [mine(at)], `after ${moves} moves`);
  }
});

test('what was closed since it was seen is no description of its own, for whoever wants to know', () => {
  const [read, write] = libc.pipe();
  const copy = libc.dup(read);
  libc.close(copy);
  const scan = { comparable: true, account: new Account() };
  const seen = [read, copy].map((fd) => ({ pid: process.pid, fd, end: 'r', holder: {} as never }));
  const closed: Array<[number, string]> = [];
  const steps = byDescription(scan, ({ fd }, code) => void closed.push([fd, code]))(seen);
  const groups = finish({ steps, onProgress: undefined });
  assert.deepEqual(
    groups.map((group) => group.map(({ fd }) => fd)),
    [[read]],
  );
  assert.deepEqual([closed, scan.account.skipped], [[[copy, 'EBADF']], []]);
  for (const fd of [read, write]) libc.close(fd);
});
