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

/** Takes a lock; a length of 0 is all the rest. */
type Take = (fd: number, isWrite: boolean, start?: number, length?: number, isWaiting?: boolean) => number;

const taker =
  (now: number, waiting: number): Take =>
  (fd, isWrite, start = 0, length = 0, isWaiting = false) =>
    libc.fcntl(fd, isWaiting ? waiting : now, libc.addressOf(structFlock(isWrite, start, length)));

/** A lock of this process. */
export const posix: Take = taker(F_SETLK, F_SETLKW);
/** A lock of a description. */
export const ofd: Take = taker(F_OFD_SETLK, F_OFD_SETLKW);

export const lease = (fd: number, isWrite: boolean): number => libc.fcntl(fd, F_SETLEASE, isWrite ? F_WRLCK : F_RDLCK);
