/**
 * The numbers in /proc/PID/fd, in bulk: some thousand entries a call, no string made of any; and how many there are.
 *
 * Source: struct linux_dirent64 of getdents(2); proc_readfd_count() of fs/proc/fd.c, since Linux 6.2.
 */
import { AT_FDCWD, STATX_NLINK_SIZE, STX_NLINK, STX_SIZE } from '../../binding/abi.ts';
import { addressOfBytes, syscallNumbers, wordCallRaw } from '../../binding/syscall.ts';
import { FdFolder } from './fd-directory.ts';
import { PROC } from '../root.ts';
import { ERRNO } from '../../util/errno.ts';

const { endianness } = process.getBuiltinModule('node:os');
const { EACCES } = ERRNO;
const LITTLE = endianness() === 'LE';

const D_RECLEN = 16;
const D_NAME = 19;
const ZERO = 48;

const path = Buffer.from(new ArrayBuffer(64));
const attributes = new DataView(new ArrayBuffer(256));
/** As much as glibc reads of a folder at a time. */
const entries = Buffer.from(new ArrayBuffer(32768));
const lengths = new DataView(entries.buffer);
let pathAddress = 0;
let attributesAddress = 0;
let entriesAddress = 0;

function prepare(): void {
  if (pathAddress !== 0) return;
  pathAddress = addressOfBytes(path);
  attributesAddress = addressOfBytes(new Uint8Array(attributes.buffer));
  entriesAddress = addressOfBytes(entries);
}

function readNumber(at: number): number {
  let value = 0;
  for (let digit = at; entries[digit] !== 0; digit++) value = value * 10 + (entries[digit] as number) - ZERO;
  return value;
}

/**
 * The descriptors of a task, ascending, what this package has open to look with included; a pause between two calls.
 * @returns undefined when they cannot be read in this way; -EACCES when they may be listed but not looked at
 */
export function* listNumbers(pid: number): Generator<undefined, number[] | number | undefined, undefined> {
  const folder = FdFolder.open(pid, 'fd');
  if (folder === undefined) return undefined;
  try {
    prepare();
    const { getdents64 } = syscallNumbers();
    const fds: number[] = [];
    for (;;) {
      const length = wordCallRaw(getdents64, folder.fd, entriesAddress, entries.length, 0, 0);
      if (length < 0) return undefined;
      // Dots are no numbers, and come first.
      for (let at = 0; at < length; at += lengths.getUint16(at + D_RECLEN, LITTLE)) {
        if ((entries[at + D_NAME] as number) >= ZERO) fds.push(readNumber(at + D_NAME));
      }
      if (length === 0) break;
      yield;
    }
    const at = fds.indexOf(folder.fd);
    const first = fds[0] === folder.fd ? fds[1] : fds[0];
    // CAP_DAC_READ_SEARCH suffices to list a folder, but what its links refer to only ptrace(2)'s permission shows.
    if (first !== undefined && folder.link(first) === -EACCES) return -EACCES;
    // Of one's own table this folder is a part.
    if (at >= 0 && folder.link(folder.fd) === `${PROC}/${pid}/fd`) fds.splice(at, 1);
    return fds;
  } finally {
    folder.close();
  }
}

function readAttributes(pid: number, folder: string): boolean {
  prepare();
  path.write(`${PROC}/${pid}/${folder}\0`, 'latin1');
  return wordCallRaw(syscallNumbers().statx, AT_FDCWD, pathAddress, 0, STATX_NLINK_SIZE, attributesAddress) >= 0;
}

/** The size of a task's folder of descriptors, which is their number since Linux 6.2; -1 when it is gone or hidden. */
const sizeOf = (pid: number): number => (readAttributes(pid, 'fd') ? attributes.getUint32(STX_SIZE, LITTLE) : -1);

/**
 * How many descriptors a task has, counted in one go where a list is put together bit by bit.
 * @returns 0 before Linux 6.2, or when it cannot be told
 */
export const countOpen = (pid: number): number => Math.max(0, sizeOf(pid));

/**
 * How many threads a process has, which its folder counts as links; 0 when it cannot be told.
 * Source: proc_task_getattr() of fs/proc/base.c.
 */
export const countTasks = (pid: number): number =>
  readAttributes(pid, 'task') ? Math.max(0, attributes.getUint32(STX_NLINK, LITTLE) - 2) : 0;

let countsOpen = false;

/** Whether this kernel counts them. */
const isCounted = (): boolean => (countsOpen ||= countOpen(process.pid) > 0);

/** Whether a task has nothing open, as far as it can be told: whoever is gone has nothing either. */
export function isEmpty(pid: number): boolean {
  const size = sizeOf(pid);
  return size < 0 || (size === 0 && isCounted());
}

/**
 * Whether a process is seen to have nothing open, as the threads of the kernel have: not even its threads, of which each
 * may have a table of its own. False before Linux 6.2, or when it cannot be told.
 */
export const hasNoneOpen = (pid: number): boolean => isCounted() && sizeOf(pid) === 0 && countTasks(pid) === 1;
