/**
 * What a path names, known without asking a file server: openat2(2) with RESOLVE_CACHED answers from what the kernel
 * remembers. What it does not remember is looked up one name after the other, as long as that is in a filesystem of this
 * machine. Nothing is opened but by O_PATH, which has no effect on a device, a FIFO or a file.
 *
 * Sources: openat2(2), open(2), proc_pid_mountinfo(5).
 */
import { AT_FDCWD, OPENAT2, RESOLVE_CACHED } from '../../binding/abi.ts';
import { errnoName } from '../../binding/errors.ts';
import type { FileRef } from '../../binding/kcmp.ts';
import { addressOfBytes, syscallNumbers, wordCallRaw } from '../../binding/syscall.ts';
import { type FileStat, readLink, statIno } from '../fd.ts';
import { type Fdinfo, O_CLOEXEC, O_PATH, parseFdinfo } from '../fdinfo.ts';
import { S_IFDIR, S_IFMT } from '../kind.ts';
import { isLocal } from '../kind/local.ts';
import { type Mount, mountOf, readMounts } from '../kind/mountinfo.ts';
import { lockKeyAt } from '../locks.ts';
import { fs } from '../read.ts';
import { readStart } from './start.ts';
import { ERRNO } from '../../util/errno.ts';

const { EAGAIN, ELOOP, ENAMETOOLONG } = ERRNO;

/** What a path names. */
export interface Located {
  stat: FileStat;
  /** Without symbolic links, as the link of a descriptor tells it. */
  path: string;
  /** What the locks on it are on, as /proc/locks tells it. */
  lockKey: string;
  /** Of all of its filesystem: a subvolume and an overlay have others in `stat`. */
  dev: number;
  /** Whether its filesystem is of this machine. */
  isLocal: boolean;
  /** Of a folder on which a filesystem is mounted, or a folder of one: which. */
  mount?: Mount;
  /** Of a folder of one: the number of its mount, which tells what is open of it, as the device does not. */
  part?: number;
}

const PATH_MAX = 4096;
const MAX_LINKS = 40;
const SYMLINK = 0o120000;
/** BTRFS_FIRST_FREE_OBJECTID of <linux/btrfs_tree.h>. */
const SUBVOLUME = 256n;

/** Links in /proc itself that are texts like others; those of its tasks lead to what they name directly. */
const PROC_TEXTS: ReadonlySet<string> = new Set(['self', 'thread-self', 'net', 'mounts']);

const name = Buffer.from(new ArrayBuffer(PATH_MAX));
const answer = Buffer.from(new ArrayBuffer(PATH_MAX));
/** struct open_how: u64 flags, mode, resolve. */
const how = new BigUint64Array(3);
let nameAddress = 0;
let answerAddress = 0;
let howAddress = 0;

function prepare(): void {
  if (nameAddress !== 0) return;
  nameAddress = addressOfBytes(name);
  answerAddress = addressOfBytes(answer);
  howAddress = addressOfBytes(new Uint8Array(how.buffer));
  how.set([BigInt(O_PATH | O_CLOEXEC), 0n, BigInt(RESOLVE_CACHED)]);
}

function writeName(text: string): boolean {
  const length = name.write(text, 'utf8');
  if (length >= PATH_MAX || Buffer.byteLength(text) !== length) return false;
  name[length] = 0;
  return true;
}

const close = (fd: number): void => void wordCallRaw(syscallNumbers().close, fd, 0, 0, 0, 0);

/** A path by a descriptor that gives no access to it, from what the kernel remembers; or a negative errno. */
export function openCached(path: string): number {
  prepare();
  return writeName(path) ? wordCallRaw(OPENAT2, AT_FDCWD, nameAddress, howAddress, how.byteLength, 0) : -ENAMETOOLONG;
}

/** A name in a folder by a descriptor that gives no access to it, mostly of a link the link itself; or a negative errno. */
function openName(folder: number, text: string, follow: number = fs().constants.O_NOFOLLOW): number {
  const flags = O_PATH | O_CLOEXEC | follow;
  return writeName(text) ? wordCallRaw(syscallNumbers().openat, folder, nameAddress, flags, 0, 0) : -ENAMETOOLONG;
}

function targetOf(link: number): string | number {
  writeName('');
  const length = wordCallRaw(syscallNumbers().readlinkat, link, nameAddress, answerAddress, PATH_MAX, 0);
  return length < 0 ? length : answer.toString('utf8', 0, length);
}

const infoAt = (pid: number, fd: number): Fdinfo => parseFdinfo(readStart(pid, `fdinfo/${fd}`));

/** Whether a mount is of a whole filesystem: a subvolume has a device of its own, and its first folder this number. */
const isWhole = ({ root, type }: Mount, { ino }: FileStat): boolean =>
  root === '/' || (type === 'btrfs' && ino === SUBVOLUME);

/** One name after the other, in filesystems of this machine; -EAGAIN where the next one is not in one of them. */
function walk(path: string): number {
  const own = readMounts(process.pid);
  if (typeof own === 'string') return -EAGAIN;
  let mounts: readonly Mount[] = own;
  const names = path.split('/');
  let links = 0;
  let at = openName(AT_FDCWD, path.startsWith('/') ? '/' : '.');
  for (let text = names.shift(); text !== undefined && at >= 0; text = names.shift()) {
    if (text === '' || text === '.') continue;
    const mount = mountOf(infoAt(process.pid, at).text, mounts);
    let next = isLocal(mount) ? openName(at, text) : -EAGAIN;
    let isText = isLink(next);
    const folder = isText && mount?.type === 'proc' ? readLink(process.pid, at) : null;
    if (folder !== null && (folder !== mount?.point || !PROC_TEXTS.has(text))) {
      // It leads to what it names directly, perhaps in another mount namespace: that of the task in whose folder it is.
      close(next);
      next = openName(at, text, 0);
      isText = false;
      const there = readMounts(Number(/\d+(?=\D*$)/.exec(folder)?.[0]));
      if (typeof there !== 'string') mounts = [...own, ...there];
    }
    const target = isText ? targetOf(next) : undefined;
    const isTooLong = typeof target === 'string' && ++links > MAX_LINKS;
    if (next >= 0 && target === undefined) {
      close(at);
      at = next;
      continue;
    }
    if (next >= 0) close(next);
    if (typeof target === 'string' && !isTooLong) {
      names.unshift(...target.split('/'));
      if (!target.startsWith('/')) continue;
    }
    close(at);
    if (next < 0) return next;
    if (typeof target === 'number' || isTooLong) return typeof target === 'number' ? target : -ELOOP;
    at = openName(AT_FDCWD, '/');
  }
  return at;
}

/** Whether a descriptor is of a symbolic link; none is not. */
function isLink(fd: number): boolean {
  const stat = fd < 0 ? '' : statIno(process.pid, fd);
  return typeof stat !== 'string' && (stat.mode & S_IFMT) === SYMLINK;
}

/** These say that the kernel remembers nothing, or that it cannot be asked in this way. */
const UNTOLD: ReadonlySet<string> = new Set(['EAGAIN', 'ENOSYS', 'EPERM', 'EINVAL', 'EOPNOTSUPP']);

function open(path: string): number {
  const cached = openCached(path);
  return cached < 0 && UNTOLD.has(errnoName(cached)) ? walk(path) : cached;
}

/** A path without symbolic links, as the link of a descriptor tells it; undefined where nothing is there. */
export function pathOf(path: string): string | undefined {
  const fd = open(path);
  if (fd < 0) return undefined;
  const link = readLink(process.pid, fd);
  close(fd);
  return link ?? undefined;
}

/** What a symbolic link in a folder of this machine reads; undefined for anything else. */
export function readLinkOf(folder: string, text: string): string | undefined {
  const at = open(folder);
  if (at < 0) return undefined;
  const mount = mountOf(infoAt(process.pid, at).text, readMounts(process.pid));
  const link = isLocal(mount) ? openName(at, text) : -EAGAIN;
  const target = isLink(link) ? targetOf(link) : undefined;
  for (const fd of [at, link]) if (fd >= 0) close(fd);
  return typeof target === 'string' ? target : undefined;
}

/**
 * What a path names, links followed.
 * @returns the errno's name where there is nothing; 'EAGAIN' where only a file server knows
 */
export function locate(path: string): Located | string {
  const fd = open(path);
  if (fd < 0) return errnoName(fd);
  try {
    return locatedAt({ pid: process.pid, fd });
  } finally {
    close(fd);
  }
}

/** What a descriptor that gives no access names; the errno's name when it is closed. */
export function locatedAt({ pid, fd }: FileRef): Located | string {
  const stat = statIno(pid, fd);
  const link = readLink(pid, fd);
  if (typeof stat === 'string' || link === null) return typeof stat === 'string' ? stat : 'ENOENT';
  const info = infoAt(pid, fd);
  const mount = mountOf(info.text, readMounts(process.pid));
  const dev = mount?.dev ?? stat.dev;
  const located = { stat, path: link, dev, lockKey: lockKeyAt(stat, info, mount), isLocal: isLocal(mount) };
  if (mount?.point !== link || (stat.mode & S_IFMT) !== S_IFDIR) return located;
  return isWhole(mount, stat) ? { ...located, mount } : { ...located, mount, part: mount.id };
}
