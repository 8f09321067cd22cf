/** Where kcmp(2) is refused by a filter: what looks like proof there, and is none. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { FileRef, HolderReport } from '../../src/index.ts';
import { Fds } from '../support/brute.ts';
import { type Child, startChild } from '../support/child.ts';
import { findHolders, resolveEpoll } from '../support/door.ts';
import { fuseMissing } from '../support/fuse.ts';
import * as libc from '../support/libc.ts';
import { startThread } from '../support/scenes.ts';

const FUSE = new URL('../support/fuse.ts', import.meta.url).href;
const keysOf = (files: readonly FileRef[]): string[] => files.map(({ pid, fd }) => `${pid}:${fd}`).sort();

let asker: Child;
const started: Child[] = [];
const start = async (...args: Parameters<typeof startChild>): Promise<Child> => {
  const child = await startChild(...args);
  started.push(child);
  return child;
};
before(async () => {
  asker = await start();
  await asker.run(({ seccomp }) => seccomp.refuseKcmp('EPERM'));
});
after(() => Promise.all(started.map((child) => child.stop())));

test('a FIFO whose inode number is that of a socket is not taken for it', { skip: fuseMissing }, async () => {
  const child = await start({ wrapper: ['unshare', '--mount'] });
  const { efd, socket, fifo, inos } = await child.run(async ({ fs, libc, keep }, fuse: string) => {
    const { startFileServer } = (await import(fuse)) as typeof import('../support/fuse.ts');
    const [socket] = libc.socketpair();
    const { ino } = fs.fstatSync(socket);
    const S_IFIFO = 0o010000;
    const server = await startFileServer({ ino, mode: S_IFIFO | 0o600 });
    keep['server'] = server;
    const efd = libc.epollCreate();
    libc.epollCtl(efd, libc.EPOLL_CTL_ADD, server.fd);
    const fifo = libc.dup(server.fd);
    libc.close(server.fd);
    const inos = [socket, fifo].map(
      (fd) => /^ino:.*$/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[0],
    );
    return { efd, socket, fifo, inos };
  }, FUSE);
  assert.ok(inos[0] !== undefined && inos[0] === inos[1], `${inos}`);
  const { targets } = await resolveEpoll(child.pid, efd, { pids: [child.pid] });
  assert.deepEqual(
    targets.map(({ status, holders }) => [status, keysOf(holders)]),
    [['renumbered', [`${child.pid}:${fifo}`]]],
  );
  const [target] = await asker.run(
    async ({ door }, pid: number, efd: number) => (await door.resolveEpoll(pid, efd, { pids: [pid] })).targets,
    child.pid,
    efd,
  );
  assert.deepEqual(
    [target?.status, target?.reason, keysOf(target?.holders ?? [])],
    ['unresolved', 'unreadable', []],
    `the socket is fd ${socket}`,
  );
});

test('a thread’s own table is looked at also where it has the numbers of its process', async () => {
  const fds = new Fds();
  const [socket] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
  const [one, other] = await Promise.all([start({ fds: [socket] }), start({ fds: [socket] })]);
  fds.closeAll();
  const thread = await startThread(other, libc.CLONE_FILES);
  await other.run(({ fs }) => {
    fs.closeSync(4);
    if (fs.openSync('/dev/null', 'r') !== 4) throw new Error('fd 4 is the lowest that is free');
  });
  const pids = [one.pid, other.pid];
  const truth = keysOf([
    { pid: one.pid, fd: 4 },
    { pid: thread, fd: 4 },
  ]);
  const ask = (file: FileRef): Promise<HolderReport> =>
    asker.run(({ door }, file: FileRef, pids: number[]) => door.findHolders(file, { pids }), file, pids);
  for (const pid of [one.pid, thread]) {
    assert.deepEqual(keysOf((await findHolders({ pid, fd: 4 }, { pids })).holders), truth);
    const { holders } = await ask({ pid, fd: 4 });
    assert.deepEqual(keysOf(holders), truth, `asked about ${pid}`);
  }
});
