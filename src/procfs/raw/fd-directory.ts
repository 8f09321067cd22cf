/**
 * /proc/PID/fd and /proc/PID/fdinfo in bulk: one open folder a process, names written in place, answers left
 * in memory that is private to this file. Nothing here makes an object for a descriptor, nor a string that was there before.
 *
 * Source: struct linux_dirent64 of getdents(2); proc_readfd_common() of fs/proc/fd.c.
 */
import { AT_FDCWD, type SyscallNumbers } from '../../binding/abi.ts';
import { addressOfBytes, syscallNumbers, wordCallRaw } from '../../binding/syscall.ts';
import { O_CLOEXEC } from '../fdinfo.ts';
import { fs } from '../read.ts';
import { PROC } from '../root.ts';
import { look, seen } from './statx.ts';
import { ERRNO } from '../../util/errno.ts';

const { ENOENT } = ERRNO;

const ZERO = 48;
const EVENTFD_ID = 'eventfd-id:';
/** So many numbers in a row are tried in vain before the kernel is asked. */
const GAP = 2;

/** The name's offset in struct linux_dirent64, and what holds one entry of a number but not two. */
const D_NAME = 19;
const ONE_ENTRY = 32;

const name = Buffer.from(new ArrayBuffer(64));
const answer = Buffer.from(new ArrayBuffer(4096));
/** The link read last, if it is no longer than this. */
const before = new Uint8Array(32);
let beforeLength = -1;
let beforeText = '';
let nameAddress = 0;
let answerAddress = 0;
let numbers: SyscallNumbers | undefined;

function prepare(): SyscallNumbers {
  if (numbers !== undefined) return numbers;
  nameAddress = addressOfBytes(name);
  answerAddress = addressOfBytes(answer);
  return (numbers = syscallNumbers());
}

function writeNumber(value: number): void {
  let end = 1;
  for (let rest = value; rest >= 10; rest = (rest / 10) | 0) end++;
  name[end] = 0;
  for (let rest = value; end > 0; rest = (rest / 10) | 0) name[--end] = ZERO + (rest % 10);
}

/** From the end, where the numbers of sockets differ. */
function isAsBefore(length: number): boolean {
  if (length !== beforeLength) return false;
  for (let i = length - 1; i >= 0; i--) if (answer[i] !== before[i]) return false;
  return true;
}

/**
 * What this package has open right now in order to look: whoever lists its own table finds it there, and several looks
 * may be under way at once.
 */
const opened = new Set<number>();

/** A descriptor that was opened to look with. */
export function keep(fd: number): number {
  opened.add(fd);
  return fd;
}

/** Before it is closed. */
export function forget(fd: number): void {
  opened.delete(fd);
}

export const isKept = (fd: number): boolean => opened.has(fd);

/** How many there are. */
export const countKept = (): number => opened.size;

/** What the link reads whose name was written, in a folder, or a negative errno. */
function readLinkIn(folder: number): string | number {
  const length = wordCallRaw(prepare().readlinkat, folder, nameAddress, answerAddress, answer.length, 0);
  if (length < 0) return length;
  if (isAsBefore(length)) return beforeText;
  const text = answer.toString('utf8', 0, length);
  if (length <= before.length) {
    for (let i = 0; i < length; i++) before[i] = answer[i] as number;
    beforeLength = length;
    beforeText = text;
  }
  return text;
}

/** What a descriptor's link reads without an open folder, or a negative errno: a third of what Node's own call costs. */
export function rawLink(pid: number, fd: number): string | number {
  prepare();
  name.write(`${PROC}/${pid}/fd/${fd}\0`, 'latin1');
  return readLinkIn(AT_FDCWD);
}

/** A folder of /proc/PID that stays open until {@link FdFolder.close}. */
export class FdFolder {
  /** Its own number here: whoever looks at the table of this very process finds it there. */
  readonly fd: number;
  /** Of the descriptor last looked at. */
  ino = 0;
  dev = 0;
  mode = 0;
  readonly #numbers: SyscallNumbers;

  private constructor(fd: number, numbers: SyscallNumbers) {
    this.fd = fd;
    this.#numbers = numbers;
  }

  /** Undefined when it cannot be opened in this way, whatever the reason. */
  static open(pid: number, folder: 'fd' | 'fdinfo'): FdFolder | undefined {
    const numbers = prepare();
    name.write(`${PROC}/${pid}/${folder}\0`, 'latin1');
    const fd = wordCallRaw(numbers.openat, AT_FDCWD, nameAddress, fs().constants.O_DIRECTORY | O_CLOEXEC, 0, 0);
    return fd < 0 ? undefined : new FdFolder(keep(fd), numbers);
  }

  close(): void {
    forget(this.fd);
    wordCallRaw(this.#numbers.close, this.fd, 0, 0, 0, 0);
  }

  /**
   * Visits descriptors that are open, ascending. Numbers are handed out lowest first, so the next one is mostly open,
   * which the visit itself tells; behind a gap the kernel is asked for the next one. So none is left out, and the folder
   * need not be listed.
   *
   * @param first - the number to begin with
   * @param limit - how many numbers to try before it returns for a pause
   * @param visit - returns 0 when the number is open, -ENOENT when it is not, or another negative errno to give up
   * @returns the number to go on with; Infinity when all were visited, -1 when it was given up
   */
  visitOpen(first: number, limit: number, visit: (fd: number) => number): number {
    for (let fd = first; ; ) {
      for (let misses = 0; misses < GAP; fd++) {
        if (fd - first >= limit) return fd;
        const result = visit(fd);
        if (result === -ENOENT) misses++;
        else if (result < 0) return -1;
      }
      const next = this.nextFrom(fd);
      if (next < 0 || next === Infinity) return next < 0 ? -1 : next;
      fd = next;
    }
  }

  /** Looks at what a descriptor refers to: 0, or a negative errno. A number above 2^53 is rounded. */
  stat(fd: number): number {
    writeNumber(fd);
    const result = look(this.fd, nameAddress);
    if (result < 0) return result;
    this.mode = seen.mode();
    this.ino = seen.inoRounded();
    this.dev = seen.dev();
    return 0;
  }

  /**
   * The next open number from one on, be it this folder's own; Infinity behind the last, or a negative errno.
   * The position in the folder is the number and two, for `.` and `..`.
   */
  nextFrom(first: number): number {
    const { lseek, getdents64 } = this.#numbers;
    const at = wordCallRaw(lseek, this.fd, first + 2, 0, 0, 0);
    if (at < 0) return at;
    const length = wordCallRaw(getdents64, this.fd, answerAddress, ONE_ENTRY, 0, 0);
    if (length <= 0) return length < 0 ? length : Infinity;
    let fd = 0;
    for (let at = D_NAME; answer[at] !== 0; at++) fd = fd * 10 + (answer[at] as number) - ZERO;
    return fd;
  }

  /** What a descriptor's link reads, or a negative errno. */
  link(fd: number): string | number {
    writeNumber(fd);
    return readLinkIn(this.fd);
  }

  /** The eventfd-id that fdinfo prints since Linux 5.2, NaN where there is none, or a negative errno. */
  eventfdId(fd: number): number {
    const { openat, read, close } = this.#numbers;
    writeNumber(fd);
    const file = wordCallRaw(openat, this.fd, nameAddress, O_CLOEXEC, 0, 0);
    if (file < 0) return file;
    const length = wordCallRaw(read, file, answerAddress, answer.length, 0, 0);
    wordCallRaw(close, file, 0, 0, 0, 0);
    if (length < 0) return length;
    const text = answer.toString('latin1', 0, length);
    const found = text.indexOf(EVENTFD_ID);
    return found < 0 ? NaN : Number.parseInt(text.slice(found + EVENTFD_ID.length), 10);
  }
}
