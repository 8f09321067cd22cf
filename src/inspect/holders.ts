/** Who refers to an open file description, and who to another one of the same inode. */
import { KCMP_FILE } from '../binding/abi.ts';
import { errnoName } from '../binding/errors.ts';
import { kcmpError } from '../binding/explain.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { readLink, statIno } from '../procfs/descriptors.ts';
import { O_CLOEXEC, O_PATH, readFdinfo } from '../procfs/fdinfo.ts';
import { kindOf } from '../procfs/kind.ts';
import { isAnonymousLink, namesInode } from '../procfs/link.ts';
import { checkProc } from '../procfs/processes.ts';
import { hasEnded, readStat } from '../procfs/stat.ts';
import type { Account } from './account.ts';
import { checkFile, checkScan } from './arguments.ts';
import { sameWithoutKcmp } from './degraded.ts';
import { goneOrHidden, subjectError } from './refused.ts';
import type { Holder, HolderReport, ScanOptions } from './reports.ts';
import { scan, type Table } from './scan.ts';

const O_ACCMODE = 3;
const MODES = ['r', 'w', 'rw', 'rw'] as const;

/**
 * `kcmp(file.pid, …, KCMP_FILE, file.fd, …)` for every descriptor — who refers to this open file description?
 *
 * @param file - a descriptor of any process
 * @param options.pids - where to look besides `file.pid`; every process of /proc when left out
 * @param options.onProgress - told of every process that was looked at
 * @returns `holders`, with `file` itself among them, and apart from them `sameInode`: descriptors of another
 *   description of the same inode, such as a second open or the other end of a pipe. `sameInode` is empty for
 *   the kinds that share the kernel's one anonymous inode (eventfd, epoll, timerfd, …), where it would say nothing
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` — a bad argument
 * @throws Error `ESRCH` — no such process; `EBADF` — `file` is not open; `EACCES` or `EPERM` — it may not be inspected.
 *   Other processes that end or refuse are counted in `coverage`, never thrown
 * @throws Error `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`, `ERR_KOFFI_UNAVAILABLE`, `ERR_PROC_UNAVAILABLE`
 * @since Linux 3.5
 * @see kernel/kcmp.c
 */
export function findHolders(file: FileRef, options?: ScanOptions): HolderReport {
  const asked = checkFile(file, 'file');
  const { pids, onProgress } = checkScan(options);
  checkProc();
  const link = readLink(asked.pid, asked.fd);
  const stat = statIno(asked.pid, asked.fd);
  // On a mount of another user's, say, there may be no inode to be read of what is open.
  if (typeof stat === 'string' && compareWithItself(asked) < 0) throw unreadable(asked, stat);
  const { tables, account, comparable } = scan(pids, onProgress, asked.pid);
  // Of a descriptor that was closed during the scan nobody would be found.
  const self = comparable ? compareWithItself(asked) : 0;
  if (self < 0) throw kcmpError(self, { pid1: asked.pid, pid2: asked.pid, type: KCMP_FILE, fd1: asked.fd, fd2: asked.fd });
  const isSame = comparable ? byKcmp : byInode;
  const others = isAnonymousLink(link) || typeof stat === 'string' ? undefined : new SameInode(link, stat);
  const holders: Holder[] = [];
  const sameInode: Holder[] = [];
  for (const table of tables) {
    for (const fd of table.fds) {
      const same = isSame(asked, table.id, fd, account);
      if (same !== true && others?.has(table.id, fd) !== true) continue;
      const holder = describe(table, fd, asked, same);
      if (holder === undefined) account.skip(table.id, 'ESRCH', 'descriptor');
      else if (same === true) holders.push(holder);
      else if (same === false) sameInode.push(holder);
    }
  }
  return { file: asked, kind: kindOf(link, typeof stat === 'string' ? undefined : Number(stat.mode)), link, holders, sameInode, coverage: account.toCoverage() };
}

const compareWithItself = ({ pid, fd }: FileRef): number => kcmpRaw(pid, pid, KCMP_FILE, fd, fd);

function unreadable(file: FileRef, code: string): Error {
  // The kernel gives the folder of a zombie, which has nothing open any more, to root.
  if (code === 'EACCES' && hasEnded(file.pid)) return subjectError('EBADF', file.pid, file.fd);
  if (code !== 'ENOENT' && code !== 'ESRCH') return subjectError(code, file.pid);
  const stat = readStat(file.pid);
  if (typeof stat !== 'string') return subjectError('EBADF', file.pid, file.fd);
  return subjectError(goneOrHidden(file.pid, code), file.pid);
}

/** Same description, another one, or undefined when it could not be told, which is counted. */
function byKcmp(file: FileRef, pid: number, fd: number, account: Account): boolean | undefined {
  const result = kcmpRaw(file.pid, pid, KCMP_FILE, file.fd, fd);
  if (result >= 0) return result === 0;
  account.skip(pid, errnoName(result), 'descriptor');
  return undefined;
}

const byInode = (file: FileRef, pid: number, fd: number, account: Account): boolean | undefined =>
  sameWithoutKcmp(file, { pid, fd }, account);

/** Descriptors of one inode, which a link names or device and number do. */
class SameInode {
  readonly #link: string | null;
  readonly #dev: bigint;
  readonly #ino: bigint;

  constructor(link: string | null, { dev, ino }: { dev: bigint; ino: bigint }) {
    this.#link = link;
    this.#dev = dev;
    this.#ino = ino;
  }

  has(id: number, fd: number): boolean {
    const link = readLink(id, fd);
    if (isAnonymousLink(link)) return false;
    if (namesInode(link) || namesInode(this.#link)) return link === this.#link;
    const stat = statIno(id, fd);
    return typeof stat !== 'string' && stat.ino === this.#ino && stat.dev === this.#dev;
  }
}

/**
 * The details of a holder; undefined when the descriptor changed or the pid was reused while they were read,
 * so that nobody's name stands beside another's file.
 */
function describe({ id, sharedWith }: Table, fd: number, file: FileRef, same: boolean | undefined): Holder | undefined {
  const before = readStat(id);
  const holder: Holder = { pid: id, fd };
  const info = readFdinfo(id, fd);
  if (typeof info !== 'string' && info.flags !== undefined) {
    holder.mode = (info.flags & O_PATH) !== 0 ? 'path' : (MODES[info.flags & O_ACCMODE] ?? 'rw');
    holder.cloexec = (info.flags & O_CLOEXEC) !== 0;
  }
  if (typeof before !== 'string') {
    const after = readStat(id);
    if (typeof after === 'string' || after.startTime !== before.startTime) return undefined;
    holder.command = before.command;
    holder.startTime = before.startTime;
  }
  const again = kcmpRaw(file.pid, id, KCMP_FILE, file.fd, fd);
  if (again >= 0 && (again === 0) !== same) return undefined;
  if (sharedWith.length > 0) holder.sharedWith = sharedWith;
  return holder;
}
