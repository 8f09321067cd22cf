/** The descriptors of a task: /proc/PID/fd, where PID may be a thread's id as well. */
import { AT_FDCWD } from '../binding/abi.ts';
import { errnoName } from '../binding/errors.ts';
import { addressOfBytes } from '../binding/syscall.ts';
import { inodeOf, isSocketLink, namesInode } from './link.ts';
import { codeOf, fs, listNumbers } from './read.ts';
import { PROC } from './root.ts';
import { hasEnded } from './stat.ts';
import { type FdFolder, rawLink } from './raw/fd-directory.ts';
import { look, seen } from './raw/statx.ts';

/** No devices have these numbers. */
const [SOCKFS, PIPEFS] = [-3, -4];

const path = Buffer.from(new ArrayBuffer(64));
let pathAddress = 0;

/** The number that the next file opened here gets, as this folder just did. */
function nextNumber(path: string): number {
  const fd = fs().openSync(path, 'r');
  fs().closeSync(fd);
  return fd;
}

/**
 * The task's descriptors, ascending, or the errno's name: 'EACCES' when refused. A zombie has none.
 *
 * Whoever lists a table of its own finds in it the folder that it reads for that; that one is left out.
 */
export function listDescriptors(pid: number, root: string = PROC): number[] | string {
  const path = `${root}/${pid}/fd`;
  let reading: number;
  try {
    reading = nextNumber(path);
  } catch (error) {
    const code = codeOf(error);
    // The kernel gives the folder of a task that has ended, which is empty, to root.
    return code === 'EACCES' && hasEnded(pid, root) ? [] : code;
  }
  const fds = listNumbers(path);
  if (typeof fds === 'string') return fds;
  // Whether the table is this task's own is not asked: what has gone by now need not be listed anyhow.
  const at = fds.indexOf(reading);
  if (at >= 0 && tryLink(pid, reading, root) === 'ENOENT') fds.splice(at, 1);
  return areRefused(pid, fds, root) ? 'EACCES' : fds;
}

/** CAP_DAC_READ_SEARCH suffices to list a folder, but what its links refer to only ptrace(2)'s permission shows. */
function areRefused(pid: number, fds: number[], root: string): boolean {
  for (const fd of fds) {
    const read = tryLink(pid, fd, root);
    if (typeof read !== 'string') return false;
    if (read === 'EACCES') return true;
  }
  return false;
}

/** What a descriptor's link reads, such as `socket:[4711]`, or the errno's name. */
export function tryLink(pid: number, fd: number, root: string = PROC): { link: string } | string {
  try {
    return { link: fs().readlinkSync(`${root}/${pid}/fd/${fd}`) };
  } catch (error) {
    return codeOf(error);
  }
}

/** Whether a link was not there, by the errno's name: it is closed, or its task has ended. */
export const isClosed = (code: string): boolean => code === 'ENOENT' || code === 'ESRCH';

/** What a descriptor's link reads; null when it is gone or refused. */
export function readLink(pid: number, fd: number, root: string = PROC): string | null {
  const read = tryLink(pid, fd, root);
  return typeof read === 'string' ? null : read.link;
}

/**
 * The same by one raw call; null when it is refused, undefined when nothing is open.
 * @param folder - the open folder of its task
 */
export function linkAt(pid: number, fd: number, folder?: FdFolder): string | null | undefined {
  const read = folder === undefined ? rawLink(pid, fd) : folder.link(fd);
  if (typeof read === 'string') return read;
  return isClosed(errnoName(read)) ? undefined : null;
}

/** What the mode of a link says of what was opened for anything: not by O_PATH. */
const OPENED = 0o600;

/** Whether a descriptor was opened with O_PATH: then it is none of what its link says, and its fdinfo tells nothing of that. */
export function isPathAt(pid: number, fd: number): boolean {
  try {
    return (fs().lstatSync(`${PROC}/${pid}/fd/${fd}`).mode & OPENED) === 0;
  } catch {
    return false; // closed meanwhile
  }
}

/** A descriptor's file: device numbers in the kernel's own form, as {@link seen} has them. */
export interface FileStat {
  dev: number;
  ino: bigint;
  mode: number;
  rdev: number;
  /** How many names it has, whose it is, its bytes and those allocated, as the kernel remembers them; left out where it does not tell. */
  more?: { nlink: number; uid: number; size: bigint; allocated: bigint };
}

/** Whether two files are one inode; what could not be looked at is none. */
export const isSameInode = (a: FileStat | string | undefined, { dev, ino }: Pick<FileStat, 'dev' | 'ino'>): boolean =>
  typeof a === 'object' && a.dev === dev && a.ino === ino;

/** An inode as a key: its device in the kernel's own form, `major << 20 | minor`, and its number, or '' for what all of that begin with. */
export const inodeKey = (dev: number, ino: bigint | ''): string => `${dev} ${ino}`;

/** What statx(2) says about a descriptor's file without asking a server, or the errno's name. */
export function statIno(pid: number, fd: number): FileStat | string {
  const found = statAt(`${PROC}/${pid}/fd/${fd}`);
  const isFiltered = found === 'EPERM' || found === 'ENOSYS';
  return (isFiltered ? statOfLink(readLink(pid, fd)) : undefined) ?? found;
}

/** The same of any short path, such as a link of /proc. */
export function statAt(file: string): FileStat | string {
  if (pathAddress === 0) pathAddress = addressOfBytes(path);
  path.write(`${file}\0`, 'latin1');
  const result = look(AT_FDCWD, pathAddress);
  return result === 0 ? seenFile() : errnoName(result);
}

/** What the last look by statx(2) has seen. */
export function seenFile(): FileStat {
  const more = seen.hasMore()
    ? { more: { nlink: seen.nlink(), uid: seen.uid(), size: seen.size(), allocated: seen.allocated() } }
    : {};
  return { dev: seen.dev(), ino: seen.ino(), mode: seen.mode(), rdev: seen.rdev(), ...more };
}

/** Where a filter forbids statx(2): of sockets and pipes, each of them on one device, the link tells all that matters. */
function statOfLink(link: string | null): FileStat | undefined {
  if (!namesInode(link)) return undefined;
  const [dev, mode] = isSocketLink(link) ? [SOCKFS, 0o140000] : [PIPEFS, 0o010000];
  return { dev, ino: BigInt(inodeOf(link)), mode, rdev: 0 };
}

/**
 * Who owns a task's descriptors, or the errno's name: its effective user, but root when it is not dumpable.
 * The directory /proc/PID itself always names the user.
 */
export function readOwner(pid: number, root: string = PROC): number | string {
  try {
    return fs().statSync(`${root}/${pid}/fd`).uid;
  } catch (error) {
    return codeOf(error);
  }
}
