/** What findHolders says of an open file by itself: name, flags, position, size and a socket's owner. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  constants,
  mkdtempSync,
  openSync,
  readlinkSync,
  readSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { HolderReport } from '../../src/index.ts';
import { Fds } from '../support/brute.ts';
import { startChild } from '../support/child.ts';
import { noAnswers } from '../support/diag.ts';
import { findHolders } from '../support/door.ts';
import { openSignalfd, openTty } from '../support/kinds.ts';
import * as libc from '../support/libc.ts';
import * as sockets from '../support/sockets.ts';
import { needsRoot, NOBODY } from '../support/user.ts';

const { pid } = process;
const { O_APPEND, O_CREAT, O_DIRECTORY, O_NONBLOCK, O_RDONLY, O_RDWR, O_SYNC, O_TRUNC, O_WRONLY } = constants;
const O_PATH = 0o10000000;
const fds = new Fds();
const folder = mkdtempSync(join(tmpdir(), 'kcmp-open-file-'));
after(() => {
  fds.closeAll();
  rmSync(folder, { recursive: true });
});

const ask = (fd: number): Promise<HolderReport> => findHolders({ pid, fd: fds.add(fd) }, { pids: [pid] });
const nameOf = async (fd: number): Promise<string | null> => (await ask(fd)).name;

test('a regular file has its path, its flags, its position and its size', async () => {
  const path = join(folder, 'log');
  writeFileSync(path, 'twelve bytes');
  const fd = openSync(path, O_RDWR | O_APPEND | O_SYNC);
  readSync(fd, Buffer.alloc(5));
  const { name, flags, pos, size, uid, queues } = await ask(fd);
  assert.deepEqual(
    { name, flags, pos, size, uid, queues },
    { name: path, flags: ['rdwr', 'append', 'sync'], pos: 5, size: 12, uid: null, queues: null },
  );
  unlinkSync(path);
  assert.equal(await nameOf(fd), `deleted file ${path}`);
});

test('a file that is called as if it was deleted is not', async () => {
  const path = join(folder, 'x (deleted)');
  assert.equal(await nameOf(openSync(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)), path);
});

test('a directory has no position, and O_PATH is no access', async () => {
  const { name, flags, pos, size } = await ask(openSync(folder, O_RDONLY | O_DIRECTORY));
  assert.deepEqual({ name, flags, pos, size }, { name: folder, flags: ['rdonly', 'directory'], pos: null, size: null });
  symlinkSync('nowhere', join(folder, 'link'));
  const path = await ask(openSync(join(folder, 'link'), O_PATH | constants.O_NOFOLLOW));
  assert.deepEqual([path.flags, path.pos, path.kind], [['path', 'nofollow'], null, 'symlink']);
});

test('both ends of a pipe', async () => {
  const [read, write] = fds.pipe();
  libc.fcntl(write, 4, O_NONBLOCK); // F_SETFL
  const link = readlinkSync(`/proc/self/fd/${read}`);
  assert.equal(await nameOf(read), `read end of ${link}`);
  const { name, flags, pos } = await ask(write);
  assert.deepEqual({ name, flags, pos }, { name: `write end of ${link}`, flags: ['wronly', 'nonblock'], pos: null });
});

test('both sides of a terminal', async () => {
  const [master, slave] = openTty();
  const path = readlinkSync(`/proc/self/fd/${slave}`);
  assert.equal(await nameOf(master), `master of ${path}`);
  assert.equal(await nameOf(slave), `slave ${path}`);
});

test('the kinds without a path', async () => {
  const event = libc.eventfd(3);
  const child = spawn('sleep', ['60']);
  const pidfd = libc.pidfdOpen(child.pid as number);
  assert.deepEqual(
    await Promise.all(
      [event, pidfd, libc.timerfd(), openSignalfd(), libc.inotify(), libc.epollCreate(), libc.memfd('cfg')].map(nameOf),
    ),
    [
      'eventfd, count 3',
      `pidfd of ${child.pid}`,
      'timerfd, not armed',
      'signalfd of no signal',
      'inotify',
      'epoll instance',
      'memfd:cfg',
    ],
  );
  child.kill();
  await once(child, 'exit');
  assert.equal(await nameOf(pidfd), 'pidfd of a process that has ended');
});

test('the fdinfo of an epoll instance and of an inotify is not read', async () => {
  assert.deepEqual((await ask(libc.epollCreate())).flags, []);
  assert.deepEqual((await ask(libc.inotify())).flags, []);
});

/** mq_open(3); the queue is gone once it is closed. */
function openQueue(name: string): number {
  const fd = libc.libc('int mq_open(str, int, uint, void *)')(name, O_RDWR | O_CREAT, 0o600, null);
  return fds.add(fd);
}

test('a message queue is none of the regular files, also when it was unlinked', async () => {
  const name = `/kcmp-${pid}`;
  const fd = openQueue(name);
  const { kind, name: called, size, pos } = await ask(fd);
  assert.deepEqual([kind, called, size, pos], ['message queue', `message queue ${name}`, null, null]);
  libc.libc('int mq_unlink(str)')(name);
  assert.equal((await ask(fd)).kind, 'message queue');
});

test('one of another IPC namespace is told by where it is mounted', { skip: needsRoot }, async () => {
  await using other = await startChild({ wrapper: ['unshare', '--ipc', '--mount', '--propagation=private'] });
  const fd = await other.run(({ libc }, folder) => {
    libc.mount('mqueue', folder, 'mqueue', 0, '');
    return libc.libc('int mq_open(str, int, uint, void *)')('/jobs', 0o102, 0o600, null);
  }, folder);
  const { kind, name } = await findHolders({ pid: other.pid, fd }, { pids: [other.pid] });
  assert.deepEqual([kind, name], ['message queue', 'message queue /jobs']);
});

test('sockets, in every state', { skip: noAnswers }, async () => {
  const any = sockets.inetAddress({ address: '127.0.0.1', port: 0 });
  const listener = sockets.listener(sockets.STREAM, any);
  const port = sockets.portOf(listener);
  const client = sockets.client(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port }));
  const accepted = sockets.accept(listener);
  const own = sockets.portOf(client);
  const path = join(folder, 'socket');
  const bound = sockets.listener(sockets.SEQPACKET, sockets.unixAddress(path));
  const abstract = sockets.socket(sockets.AF_UNIX, sockets.DGRAM);
  sockets.bind(abstract, sockets.unixAddress(`@kcmp-${pid}`));
  const six = sockets.listener(sockets.STREAM, sockets.inetAddress({ address: '::1', port: 0 }));
  const udp = sockets.socket(sockets.AF_INET, sockets.DGRAM);
  sockets.bind(udp, any);
  const named: Array<[fd: number, name: string]> = [
    [listener, `tcp 127.0.0.1:${port} listening`],
    [client, `tcp 127.0.0.1:${own} -> 127.0.0.1:${port} established`],
    [accepted, `tcp 127.0.0.1:${port} -> 127.0.0.1:${own} established`],
    [six, `tcp [::1]:${sockets.portOf(six)} listening`],
    [udp, `udp 127.0.0.1:${sockets.portOf(udp)}`],
    [bound, `unix seqpacket ${path} listening`],
    [sockets.client(sockets.SEQPACKET, sockets.unixAddress(path)), 'unix seqpacket'],
    [sockets.accept(bound), `unix seqpacket ${path}`],
    [abstract, `unix dgram @kcmp-${pid}`],
    [sockets.pair(sockets.STREAM)[0], 'unix stream'],
    [sockets.socket(sockets.AF_INET, sockets.STREAM), 'tcp'],
    [sockets.socket(sockets.AF_NETLINK, 3), 'netlink'],
  ];
  for (const [fd, name] of named) {
    const report = await ask(fd);
    assert.equal(report.name, name);
    assert.deepEqual([report.uid, report.flags[0], report.pos, report.size], [process.getuid?.(), 'rdwr', null, null]);
  }
});

test('a socket of another user is its', { skip: needsRoot }, async () => {
  await using child = await startChild({ uid: NOBODY, gid: NOBODY });
  const fd = await child.run(({ sockets }) => sockets.pair(1)[0]);
  const { uid } = await findHolders({ pid: child.pid, fd }, { pids: [child.pid] });
  assert.equal(uid, NOBODY);
});

test('a socket of another network namespace, and one that its process took from there', {
  skip: needsRoot || noAnswers,
}, async () => {
  await using other = await startChild({ wrapper: ['unshare', '--net'] });
  const [fd, port] = await other.run(({ childProcess, sockets }) => {
    childProcess.execSync('ip link set lo up');
    const fd = sockets.listener(1, sockets.inetAddress({ address: '127.0.0.1', port: 0 }));
    return [fd, sockets.portOf(fd)] as const;
  });
  const name = `tcp 127.0.0.1:${port} listening`;
  assert.equal((await findHolders({ pid: other.pid, fd }, { pids: [other.pid] })).name, name);
  // Carried out of the namespace over a unix socket.
  const [here, there] = libc.socketpair();
  await using thief = await startChild({ wrapper: ['unshare', '--net'], fds: [there] });
  const sent = sockets.pair(sockets.STREAM);
  for (const end of [here, there, ...sent]) fds.add(end);
  const path = join(folder, 'carry');
  await other.run(
    ({ sockets, keep }, path) => void (keep['carry'] = sockets.listener(1, sockets.unixAddress(path))),
    path,
  );
  const client = sockets.client(sockets.STREAM, sockets.unixAddress(path));
  fds.add(client);
  await other.run(({ libc, sockets, keep }, fd) => libc.sendFd(sockets.accept(keep['carry'] as number), fd), fd);
  const carried = fds.add(libc.receiveFd(client));
  const ask = (pids: number[]): Promise<HolderReport> => findHolders({ pid, fd: carried }, { pids });
  assert.equal((await ask([pid, other.pid])).name, name);
  assert.equal((await ask([pid, thief.pid])).name, 'tcp', 'no namespace that was looked at has it');
});

test('where netlink is refused, /proc tells the same but for what only netlink knows', async () => {
  await using child = await startChild();
  const [before, after] = await child.run(async ({ door, seccomp, sockets }) => {
    const { pid } = process;
    const any = sockets.inetAddress({ address: '127.0.0.1', port: 0 });
    const fds = [
      sockets.listener(1, any),
      sockets.listener(1, sockets.unixAddress(`@kcmp-names-${pid}`)),
      sockets.pair(2)[0],
      sockets.socket(2, 1),
    ];
    const ask = (): Promise<Array<string | null>> =>
      Promise.all(fds.map(async (fd) => (await door.findHolders({ pid, fd }, { pids: [pid] })).name));
    const before = await ask();
    seccomp.refuse('socket', 'EPERM');
    return [before, await ask()] as const;
  });
  assert.deepEqual(after, before);
  assert.match(`${before[0]}`, /^tcp 127.0.0.1:\d+ listening$/);
});
