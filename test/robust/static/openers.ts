/** Descriptors of some forty kinds, each made by one function. Children import this file: it uses nothing of the test. */
import { constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileKind } from '../../../src/index.ts';
import '../../support/leash.ts';
import { KINDS, openTty } from '../../support/kinds.ts';
import * as libc from '../../support/libc.ts';

const lib = (createRequire(import.meta.url)('koffi') as typeof import('koffi')).load(null);
const O_PATH = 0o10000000;
const O_TMPFILE = 0o20200000;

const call = (declaration: string): ((...args: unknown[]) => number) => {
  const declared = lib.func(declaration) as unknown as (...args: unknown[]) => number;
  return (...args) => {
    const result = declared(...args);
    if (result < 0) throw new Error(`${declaration} failed`);
    return result;
  };
};
const socket = call('int socket(int, int, int)');
const socketpair = call('int socketpair(int, int, int, void *)');
const bind = call('int bind(int, void *, uint)');
const listen = call('int listen(int, int)');
const connect = call('int connect(int, void *, uint)');
const accept = call('int accept(int, void *, void *)');
const getsockname = call('int getsockname(int, void *, void *)');

const [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK] = [1, 2, 10, 16];
const [STREAM, DGRAM, RAW, SEQPACKET] = [1, 2, 3, 5];

const pair = (type: number): number[] => {
  const ends = Buffer.alloc(8);
  socketpair(AF_UNIX, type, 0, ends);
  return [ends.readInt32LE(0), ends.readInt32LE(4)];
};

/** A socket that listens on a port of 127.0.0.1, and its address. */
function listening(): [number, Buffer] {
  const fd = socket(AF_INET, STREAM, 0);
  const address = Buffer.alloc(16);
  address.writeUInt16LE(AF_INET, 0);
  address.writeUInt32BE(0x7f000001, 4);
  bind(fd, address, 16);
  listen(fd, 1);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(16);
  getsockname(fd, address, size);
  return [fd, address];
}

function connection(): number[] {
  const [server, address] = listening();
  const client = socket(AF_INET, STREAM, 0);
  connect(client, address, 16);
  const accepted = accept(server, null, null);
  libc.close(server);
  return [client, accepted];
}

function listeningUnix(): number {
  const fd = socket(AF_UNIX, STREAM, 0);
  const address = Buffer.alloc(2); // the family alone: the kernel makes up an abstract name
  address.writeUInt16LE(AF_UNIX);
  bind(fd, address, 2);
  listen(fd, 1);
  return fd;
}

function bothEndsOfFifo(): number[] {
  const folder = mkdtempSync(join(tmpdir(), 'kcmp-static-'));
  try {
    const path = join(folder, 'fifo');
    spawnSync('mkfifo', [path]);
    const read = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return [read, openSync(path, 'w')];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A second description of the same inode. */
export const reopen = (fd: number): number =>
  openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
const twice = (fd: number): number[] => [fd, reopen(fd)];
/** System calls whose numbers all architectures share. */
const [IO_URING_SETUP, LANDLOCK_CREATE_RULESET] = [425, 444];

function nested(): number[] {
  const [outer, inner] = [libc.epollCreate(), libc.epollCreate()];
  libc.epollCtl(outer, libc.EPOLL_CTL_ADD, inner);
  return [outer, inner];
}

const MORE: ReadonlyArray<[name: string, kind: FileKind, open: () => number | number[]]> = [
  ['program that lasts', 'regular', () => twice(openSync(process.execPath, 'r'))],
  ['file without a name', 'regular', () => openSync(tmpdir(), constants.O_RDWR | O_TMPFILE, 0o600)],
  ['file of /proc', 'regular', () => openSync('/proc/self/status', 'r')],
  ['O_PATH of a directory', 'directory', () => openSync('/proc', O_PATH)],
  ['both ends of a pipe', 'pipe', () => libc.pipe()],
  ['pipe, opened again', 'pipe', () => twice(libc.pipe()[0])],
  ['both ends of a FIFO', 'fifo', bothEndsOfFifo],
  ['unix stream pair', 'socket', () => pair(STREAM)],
  ['unix datagram pair', 'socket', () => pair(DGRAM)],
  ['unix packet pair', 'socket', () => pair(SEQPACKET)],
  ['unix listener', 'socket', listeningUnix],
  [
    'O_PATH of a socket',
    'socket',
    () => {
      const [a] = pair(DGRAM);
      return [a as number, openSync(`/proc/self/fd/${a}`, O_PATH)];
    },
  ],
  ['TCP listener', 'socket', () => listening()[0]],
  ['TCP connection', 'socket', connection],
  ['TCP over IPv6', 'socket', () => socket(AF_INET6, STREAM, 0)],
  ['UDP', 'socket', () => socket(AF_INET, DGRAM, 0)],
  ['UDP over IPv6', 'socket', () => socket(AF_INET6, DGRAM, 0)],
  ['netlink', 'socket', () => socket(AF_NETLINK, RAW, 0)],
  ['pseudo-terminal', 'tty', () => openTty()],
  ['/dev/null', 'character device', () => openSync('/dev/null', 'r+')],
  ['/dev/full', 'character device', () => twice(openSync('/dev/full', 'r'))],
  ['/dev/urandom', 'character device', () => openSync('/dev/urandom', 'r')],
  ['eventfd semaphore', 'eventfd', () => libc.eventfd(1, 1)],
  ['epoll that watches epoll', 'eventpoll', nested],
  ['memfd, opened again', 'memfd', () => twice(libc.memfd('twice'))],
  ['pidfd of another', 'pidfd', () => libc.pidfdOpen(process.ppid)],
  ['network namespace', 'namespace', () => openSync('/proc/self/ns/net', 'r')],
  ['UTS namespace', 'namespace', () => openSync('/proc/self/ns/uts', 'r')],
  ['fanotify', 'fanotify', () => call('int fanotify_init(uint, uint)')(0x200, 0)],
  ['io_uring', 'io_uring', () => libc.syscall(IO_URING_SETUP, 1, libc.addressOf(new Uint8Array(120)))],
  [
    'Landlock',
    'anonymous',
    () => libc.syscall(LANDLOCK_CREATE_RULESET, libc.addressOf(Uint8Array.of(0, 8, 0, 0, 0, 0, 0, 0)), 8, 0),
  ],
];

export interface Opener {
  name: string;
  kind: FileKind;
  open: () => number[];
}

export const OPENERS: readonly Opener[] = [
  ...KINDS.map(({ name, kind, open }) => ({ name, kind, open: () => [open()] })),
  ...MORE.map(([name, kind, open]) => ({ name, kind, open: () => [open()].flat() })),
];
