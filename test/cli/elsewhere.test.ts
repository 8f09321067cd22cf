/** kcmp who of what is kept open without a descriptor. */
import { isAlone } from '../support/alone.ts';
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { elsewhereCode, elsewhereText } from '../../src/cli/output/elsewhere.ts';
import type { Elsewhere } from '../../src/index.ts';
import { Fds } from '../support/brute.ts';
import { startChild } from '../support/child.ts';
import * as libc from '../support/libc.ts';
import { kcmp } from './command.ts';

const { pid } = process;
const fds = new Fds();
after(() => fds.closeAll());
const notAlone = !isAlone && 'others may have something in flight';

test('what may be in flight is told in the first line, and is 2', { skip: notAlone }, async () => {
  // Whoever compiles what the command loads would have it, too.
  const event = libc.closeOnExec(fds.eventfd());
  const before = await kcmp('who', `${pid}:${event}`);
  assert.equal(before.code, 1, before.out);
  const [here, there] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
  libc.sendFd(here, event);
  const { code, out } = await kcmp('who', `${pid}:${event}`);
  fds.add(libc.receiveFd(there));
  assert.equal(code, 2);
  assert.match(
    out,
    new RegExp(`has no other descriptor; it may be in flight to fd ${there} of ${pid} \\([^)]*\\)\\.\n`),
  );
});

test('a target that nobody has open is told with what may have it', { skip: notAlone }, async () => {
  const [target] = libc.socketpair().map((fd) => fds.add(fd)) as [number];
  const [to, from] = libc.socketpair().map((fd) => fds.add(libc.closeOnExec(fd))) as [number, number];
  const efd = fds.epoll(libc.closeOnExec(target));
  libc.sendFd(from, target);
  fds.close(target);
  const { code, out } = await kcmp('epoll', `${pid}:${efd}`, '--check');
  for (const fd of [to, from, efd]) fds.close(fd);
  assert.equal(code, 1);
  assert.match(
    out,
    new RegExp(
      `no process of this pid namespace has a descriptor of that file, so that one outside has, .*: it may be in flight to fd ${to} of ${pid} `,
    ),
  );
});

test('a mapping of its inode is told, and changes nothing', { skip: notAlone }, async () => {
  const memfd = fds.add(libc.memfd('kcmp-who'));
  libc.write(memfd, new Uint8Array(4096));
  await using child = await startChild({ fds: [memfd] });
  const told = new RegExp(`; its inode is mapped by ${child.pid} \\([^)]*\\)\\.\n`);
  await child.run(({ libc, keep }) => void (keep['mapping'] = libc.mapShared(4, 4096)));
  const held = await kcmp('who', `${pid}:${memfd}`);
  assert.equal(held.code, 0);
  assert.match(held.out, told);
  await child.run(({ libc }) => libc.close(4));
  const { code, out } = await kcmp('who', `${pid}:${memfd}`);
  assert.equal(code, 1);
  assert.match(out, /; its inode is mapped by \d+ \([^)]*\), without a descriptor\.\n/);
  assert.match(out, /has no other descriptor;/);
  const { code: alike, out: pids } = await kcmp('who', '--pids', `${pid}:${memfd}`);
  assert.deepEqual([alike, pids], [1, '']);
});

test('each way is a clause, the sure one first, and decides about the exit code', () => {
  const ring: Elsewhere = { how: 'io_uring', pid: 2 ** 30, fd: 5, sure: 'description' };
  const maybe: Elsewhere = { ...ring, fd: 6, sure: 'possible' };
  const mapped: Elsewhere = { how: 'mapped', pid: 2 ** 30, sure: 'inode' };
  const who = `${2 ** 30} (?)`;
  assert.equal(elsewhereText([]), undefined);
  assert.equal(
    elsewhereText([mapped, maybe, ring]),
    `it is registered with io_uring at fd 5 of ${who}; its inode is mapped by ${who}; io_uring at fd 6 of ${who} may have it`,
  );
  assert.equal(elsewhereText([mapped, mapped, mapped, mapped, mapped])?.endsWith(' and 2 more'), true);
  assert.deepEqual([[], [mapped], [mapped, maybe], [maybe, ring]].map(elsewhereCode), [undefined, undefined, 2, 0]);
});
