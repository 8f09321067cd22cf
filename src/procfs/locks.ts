/**
 * /proc/locks, and the `lock:` lines of /proc/PID/fdinfo/FD, which are of the same form.
 *
 * Sources: proc_locks(5), proc_pid_fdinfo(5), lock_get_status() and locks_show() of fs/locks.c.
 */
import type { FileRef } from '../binding/kcmp.ts';
import { type FileStat, inodeKey, statIno } from './fd.ts';
import { type Fdinfo, parseFdinfo } from './fdinfo.ts';
import { type Mount, mountOf, readMounts } from './kind/mountinfo.ts';
import { readStart } from './raw/start.ts';
import { readText } from './read.ts';
import { PROC } from './root.ts';

export type LockType = 'flock' | 'posix' | 'ofd' | 'lease';
export type LockMode = 'read' | 'write';

/** A lock, or a request for one, as the kernel prints it. */
export interface LockLine {
  type: LockType;
  /** Of a lease that is being broken what it was, as far as that can still be told: else `read`. */
  mode: LockMode;
  /** The process that took it; 0 when no process of this pid namespace is it, -1 where none is remembered. */
  pid: number;
  /** What it is on: {@link inodeKey}. */
  file: string;
  /** Bytes, both included; no end to the end of the file. */
  start: bigint;
  end: bigint | null;
}

/** A lock, and who waits for it or behind somebody who does. */
export interface ListedLock extends LockLine {
  waiters: LockLine[];
}

const TYPES: Readonly<Record<string, LockType>> = {
  FLOCK: 'flock',
  POSIX: 'posix',
  OFDLCK: 'ofd',
  LEASE: 'lease',
  DELEG: 'lease',
};

const LINE =
  /^\d+: *(-> )? *(FLOCK|POSIX|OFDLCK|LEASE|DELEG) +(\S+) +(READ|WRITE|UNLCK) +(-?\d+) +(?:<none>:0|([\da-f]+):([\da-f]+):(\d+)) +(\d+) (EOF|\d+)$/;

/** A write lease that is broken to a read lease is printed as what it is to be. */
const modeOf = (how: string, mode: string): LockMode =>
  mode === 'WRITE' || (how === 'BREAKING' && mode === 'READ') ? 'write' : 'read';

/** A line, and whether it waits; its file is '' where it names none. Undefined for what is no such line. */
function parseLine(text: string): (LockLine & { isWaiting: boolean }) | undefined {
  const match = LINE.exec(text);
  if (match === null) return undefined;
  const [, arrow, type = '', how = '', mode = '', pid, major, minor, ino, start = '', end = ''] = match;
  const dev = (Number.parseInt(major ?? '', 16) << 20) | Number.parseInt(minor ?? '', 16);
  return {
    type: TYPES[type] as LockType,
    mode: modeOf(how, mode),
    pid: Number(pid),
    file: ino === undefined ? '' : inodeKey(dev, BigInt(ino)),
    start: BigInt(start),
    end: end === 'EOF' ? null : BigInt(end),
    isWaiting: arrow !== undefined,
  };
}

/**
 * The locks of /proc/locks.
 * @param isWanted - of which files
 */
export function parseLocks(text: string, isWanted: (file: string) => boolean): ListedLock[] {
  const locks: ListedLock[] = [];
  let last: ListedLock | undefined;
  for (const row of text.split('\n')) {
    const parsed = parseLine(row);
    if (parsed === undefined) continue;
    const { isWaiting, ...line } = parsed;
    // Whoever waits to break a lease is printed without a file.
    if (isWaiting) last?.waiters.push({ ...line, file: last.file });
    else {
      last = isWanted(line.file) ? { ...line, waiters: [] } : undefined;
      if (last !== undefined) locks.push(last);
    }
  }
  return locks;
}

const LABEL = '\nlock:\t';

/** Whether a descriptor's fdinfo shows a lock. */
export const showsLock = (fdinfo: string): boolean => fdinfo.includes(LABEL);

/** The locks that a descriptor's fdinfo shows. */
export function locksOfFdinfo(fdinfo: string): LockLine[] {
  // Most have none.
  const rows = showsLock(fdinfo) ? fdinfo.split(LABEL).slice(1) : [];
  return rows.flatMap((row) => {
    const parsed = parseLine(row.split('\n', 1)[0] as string);
    if (parsed === undefined) return [];
    const { isWaiting: _, ...line } = parsed;
    return [line];
  });
}

/**
 * The locks that the kernel lists, or the errno's name. A lock that no process of this pid namespace took is not in it,
 * nor is who waits for that. The first reading in a while takes some ten milliseconds, for an RCU grace period.
 */
export function readLocks(isWanted: (file: string) => boolean, root: string = PROC): ListedLock[] | string {
  const read = readText(`${root}/locks`, 'latin1');
  return typeof read === 'string' ? read : parseLocks(read.text, isWanted);
}

/**
 * What the locks on a descriptor's file are on. A filesystem may give its files other devices than its own, and other
 * numbers than those of its inodes: then fdinfo and mountinfo tell. Undefined when it is closed.
 */
export function lockKeyOf({ pid, fd }: FileRef): string | undefined {
  const info = parseFdinfo(readStart(pid, `fdinfo/${fd}`));
  const stat = statIno(pid, fd);
  return typeof stat === 'string' ? undefined : lockKeyAt(stat, info, mountOf(info.text, readMounts(pid)));
}

/** The same by what was read of it. */
export const lockKeyAt = (stat: FileStat, { ino }: Fdinfo, mount: Mount | undefined): string =>
  inodeKey(mount?.dev ?? stat.dev, ino ?? stat.ino);
