/** Locks as programs take them: flock(2), fcntl(2) for those of POSIX and of descriptions, leases. */
import * as libc from './libc.ts';

export const LOCK = { shared: 1, exclusive: 2, none: 8, now: 4 } as const;

const F_RDLCK = 0;
const F_WRLCK = 1;
const F_SETLK = 6;
const F_SETLKW = 7;
const F_OFD_SETLK = 37;
const F_OFD_SETLKW = 38;
const F_SETLEASE = 1024;

/** Their struct flock is the one that stands below. */
export const hasLongOffsets: boolean = ['x64', 'arm64', 'riscv64', 'loong64', 'ppc64'].includes(process.arch);

export const flock: (fd: number, operation: number) => number = libc.libc('int flock(int, int)');

/** struct flock: type, whence, start, length, pid. */
function structFlock(isWrite: boolean, start: number, length: number): Uint8Array {
  const bytes = new Uint8Array(32);
  const fields = new DataView(bytes.buffer);
  fields.setInt16(0, isWrite ? F_WRLCK : F_RDLCK, true);
  fields.setBigInt64(8, BigInt(start), true);
  fields.setBigInt64(16, BigInt(length), true);
  return bytes;
}

function set(fd: number, command: number, isWrite: boolean, start: number, length: number): number {
  const bytes = structFlock(isWrite, start, length);
  return libc.fcntl(fd, command, libc.addressOf(bytes));
}

/** A lock of this process; a length of 0 is all the rest. */
export const posix = (
  fd: number,
  isWrite: boolean,
  start: number = 0,
  length: number = 0,
  isWaiting: boolean = false,
): number => set(fd, isWaiting ? F_SETLKW : F_SETLK, isWrite, start, length);

/** A lock of a description. */
export const ofd = (
  fd: number,
  isWrite: boolean,
  start: number = 0,
  length: number = 0,
  isWaiting: boolean = false,
): number => set(fd, isWaiting ? F_OFD_SETLKW : F_OFD_SETLK, isWrite, start, length);

export const lease = (fd: number, isWrite: boolean): number => libc.fcntl(fd, F_SETLEASE, isWrite ? F_WRLCK : F_RDLCK);
