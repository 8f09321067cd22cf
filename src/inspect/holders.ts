/** Who refers to an open file description, and who to another one of the same inode. */
import { KCMP_FILE } from '../binding/abi.ts';
import { errnoName } from '../binding/errors.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { onInode } from '../descriptions/same-inode.ts';
import { sameWithoutKcmp } from '../descriptions/without-kcmp.ts';
import { readLink, statIno } from '../procfs/fd.ts';
import { type FileKind, kindOf } from '../procfs/kind.ts';
import { isAnonymousLink } from '../procfs/link.ts';
import { checkProc } from '../procfs/root.ts';
import type { Account, Coverage } from '../scan/coverage.ts';
import { describeHolder, type Holder } from '../scan/holder.ts';
import { checkFile, checkScan, type ScanOptions } from '../scan/options.ts';
import { closedOrRefused, isOpen, requireOpen } from '../scan/subject.ts';
import { scan } from '../scan/tables.ts';

/** What {@link findHolders} found out about one descriptor. */
export interface HolderReport {
  file: FileRef;
  kind: FileKind;
  /** The text of /proc/PID/fd/FD. */
  link: string | null;
  /** Who refers to this open file description, the file asked about included. */
  holders: Holder[];
  /** Who refers to another description of the same inode: a second open, the other end of a pipe. */
  sameInode: Holder[];
  coverage: Coverage;
}

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
  if (typeof stat === 'string' && !isOpen(asked)) throw closedOrRefused(asked.pid, asked.fd, stat);
  const { tables, account, comparable } = scan(pids, onProgress, asked.pid);
  // Of a descriptor that was closed during the scan nobody would be found.
  if (comparable) requireOpen(asked);
  const isSame = comparable ? byKcmp : byInode;
  const isOnInode = isAnonymousLink(link) || typeof stat === 'string' ? undefined : onInode(link, stat);
  const holders: Holder[] = [];
  const sameInode: Holder[] = [];
  for (const table of tables) {
    for (const fd of table.fds) {
      const same = isSame(asked, table.id, fd, account);
      if (same !== true && isOnInode?.(table.id, fd) !== true) continue;
      const holder = describeHolder(table, fd, asked, same);
      if (holder === undefined) account.skip(table.id, 'ESRCH', 'descriptor');
      else if (same === true) holders.push(holder);
      else if (same === false) sameInode.push(holder);
    }
  }
  return {
    file: asked,
    kind: kindOf(link, typeof stat === 'string' ? undefined : Number(stat.mode)),
    link,
    holders,
    sameInode,
    coverage: account.toCoverage(),
  };
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
