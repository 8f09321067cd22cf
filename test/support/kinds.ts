/**
 * A descriptor of every kind that can be had without privileges, each a new open file description. Children
 * import this file as well, so it uses nothing of the test that runs.
 */
import { constants, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import './leash.ts';
import type { FileKind } from '../../src/procfs/kind.ts';
import * as libc from './libc.ts';

const lib = (createRequire(import.meta.url)('koffi') as typeof import('koffi')).load(null);

const O_PATH = 0o10000000;
const [TIOCSPTLCK, TIOCGPTPEER] = process.arch === 'ppc64' ? [0x80045431, 0x20005441] : [0x40045431, 0x5441];

const checked = (fd: number, what: string): number => {
  if (fd < 0) throw new Error(`${what} failed`);
  return fd;
};

/** Both ends of a new pseudo-terminal: the master and the tty. */
export function openTty(): [master: number, tty: number] {
  const master = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY);
  libc.ioctl(master, TIOCSPTLCK, libc.addressOf(new Uint8Array(4)));
  return [master, libc.ioctl(master, TIOCGPTPEER, constants.O_RDWR | constants.O_NOCTTY)];
}

/** signalfd(2) for no signal at all. */
export function openSignalfd(): number {
  const signalfd = lib.func('int signalfd(int, void *, int)') as unknown as (
    fd: number,
    mask: Uint8Array,
    flags: number,
  ) => number;
  return checked(signalfd(-1, new Uint8Array(128), 0), 'signalfd');
}

/** Does something in a folder that lasts no longer. */
function inFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'kcmp-kinds-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const openRegular = (flags: number): number =>
  inFolder((folder) => {
    writeFileSync(join(folder, 'file'), 'x');
    return openSync(join(folder, 'file'), flags);
  });

const openFifo = (): number =>
  inFolder((folder) => {
    checked(spawnSync('mkfifo', [join(folder, 'fifo')]).status === 0 ? 0 : -1, 'mkfifo');
    return openSync(join(folder, 'fifo'), constants.O_RDWR);
  });

const openSymlink = (): number =>
  inFolder((folder) => {
    symlinkSync('nowhere', join(folder, 'link'));
    return openSync(join(folder, 'link'), O_PATH | constants.O_NOFOLLOW);
  });

function openPipeEnd(end: 0 | 1): number {
  const fds = libc.pipe();
  libc.close(fds[1 - end] as number);
  return fds[end];
}

/** A device number of stat(2) in the kernel's own form: 12 bits, then 20. */
export const internalDevice = (dev: bigint): number =>
  Number((((dev >> 8n) & 0xfffn) << 20n) | (dev & 0xffn) | ((dev >> 12n) & 0xfff00n));

/** What opens a descriptor, under a name, with the kind that it is. */
export const KINDS: ReadonlyArray<{ name: string; kind: FileKind; open: () => number }> = [
  { name: 'regular file', kind: 'regular', open: () => openRegular(constants.O_RDWR) },
  { name: 'O_PATH', kind: 'regular', open: () => openRegular(O_PATH) },
  { name: 'directory', kind: 'directory', open: () => openSync('/', constants.O_RDONLY) },
  { name: 'symbolic link', kind: 'symlink', open: openSymlink },
  { name: 'read end of a pipe', kind: 'pipe', open: () => openPipeEnd(0) },
  { name: 'write end of a pipe', kind: 'pipe', open: () => openPipeEnd(1) },
  { name: 'FIFO', kind: 'fifo', open: openFifo },
  { name: 'socket', kind: 'socket', open: () => (([here, there]) => (libc.close(there), here))(libc.socketpair()) },
  { name: 'tty', kind: 'tty', open: () => openTty()[1] }, // its master stays open: without it the tty is hung up
  { name: 'device', kind: 'character device', open: () => openSync('/dev/zero', constants.O_RDONLY) },
  { name: 'epoll instance', kind: 'eventpoll', open: () => libc.epollCreate() },
  { name: 'eventfd', kind: 'eventfd', open: () => libc.eventfd() },
  { name: 'timerfd', kind: 'timerfd', open: () => libc.timerfd() },
  { name: 'signalfd', kind: 'signalfd', open: openSignalfd },
  { name: 'inotify', kind: 'inotify', open: () => libc.inotify() },
  { name: 'memfd', kind: 'memfd', open: () => libc.memfd('kcmp-test') },
  { name: 'pidfd', kind: 'pidfd', open: () => libc.pidfdOpen(process.pid) },
  { name: 'namespace', kind: 'namespace', open: () => openSync('/proc/self/ns/mnt', constants.O_RDONLY) },
];
