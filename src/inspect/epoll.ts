/**
 * Epoll instances of any process: which there are, what they watch, and where each target really is.
 *
 * @see https://man7.org/linux/man-pages/man7/epoll.7.html, ep_show_fdinfo() in fs/eventpoll.c
 */
import { KCMP_EPOLL_TFD } from '../binding/abi.ts';
import { accessToTargets, isComparable, kcmpError } from '../binding/explain.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { EpollFile } from '../procfs/epoll-file.ts';
import { type EpollItem, parseEpollItems } from '../procfs/epoll-items.ts';
import { listDescriptors, readLink, tryLink } from '../procfs/fd.ts';
import { EPOLL_LINK } from '../procfs/link.ts';
import { checkProc } from '../procfs/root.ts';
import type { Coverage } from '../scan/coverage.ts';
import { Links } from '../scan/link-columns.ts';
import { checkPid, checkScan, type ScanOptions } from '../scan/options.ts';
import { goneOrHidden, listOrThrow, subjectError } from '../scan/subject.ts';
import { scan } from '../scan/tables.ts';
import { proveOwnNumbers, sureLinks } from './epoll/proof.ts';
import { type EpollTarget, merged, parseTargets, Resolver, unchanged, unknownOf } from './epoll/resolve.ts';

/** What {@link resolveEpoll} found out about one epoll instance. */
export interface EpollReport {
  pid: number;
  efd: number;
  /** Every descriptor of this epoll instance. */
  instance: FileRef[];
  /** In the kernel's order. */
  targets: EpollTarget[];
  /** Whether the list of targets was the same before and after the answers were found. */
  stable: boolean;
  coverage: Coverage;
}

const { EBADF } = process.getBuiltinModule('node:os').constants.errno;
const ROUNDS = 4;

/**
 * readlink(/proc/PID/fd/…) — the descriptors of a task that are epoll instances.
 *
 * @param pid - a task, threads included: 1 … 2^31−1
 * @returns descriptor numbers, ascending
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` — a bad argument
 * @throws Error `ESRCH` — no such task; `EACCES` or `EPERM` — it may not be inspected
 * @throws Error `ERR_PROC_UNAVAILABLE` — /proc is not mounted, or another pid namespace's
 * @since Linux 2.6.9
 * @see proc(5)
 */
export function listEpolls(pid: number): number[] {
  checkPid(pid, 'pid');
  checkProc();
  return listOrThrow(pid).filter((fd) => readLink(pid, fd) === EPOLL_LINK);
}

/**
 * read(/proc/PID/fdinfo/EFD) — the targets of an epoll instance, in the kernel's order.
 *
 * @param pid - a task, threads included: 1 … 2^31−1
 * @param efd - its descriptor of the epoll instance: 0 … 2^31−1
 * @returns the items, with `toff` counted as KCMP_EPOLL_TFD counts; `pos`, `ino`, `sdev` since Linux 4.13
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` — a bad argument
 * @throws Error `ESRCH` — no such task; `EBADF` — `efd` is not open; `EINVAL` — it is no epoll instance;
 *   `EACCES` or `EPERM` — the task may not be inspected
 * @throws Error `ERR_PROC_UNAVAILABLE` — /proc is not mounted, or another pid namespace's
 * @since Linux 3.8
 * @see proc(5), ep_show_fdinfo() in fs/eventpoll.c
 */
export function readEpoll(pid: number, efd: number): EpollItem[] {
  checkPid(pid, 'pid');
  checkPid(efd, 'efd');
  checkProc();
  const file = new EpollFile(pid, efd);
  try {
    return parseEpollItems(readOwn(file, pid, efd));
  } finally {
    file.close();
  }
}

/** The text of the instance that was asked about; not to be able to read it is an error. */
function readOwn(file: EpollFile, pid: number, efd: number): Buffer {
  const text = readEpollText(file, pid, efd);
  if (typeof text !== 'string') return text;
  throw subjectError(text, pid, text === 'EBADF' || text === 'EINVAL' ? efd : undefined);
}

/** Without this one type no target would be found, which is not to say that they are nowhere. Without any, sockets can be. */
function checkTargets(pid: number, efd: number): void {
  const result = accessToTargets();
  if (result === -EBADF || !isComparable()) return;
  throw kcmpError(result, { pid1: pid, pid2: pid, type: KCMP_EPOLL_TFD, fd1: efd, slot: { efd, tfd: 0, toff: 0 } });
}

function readEpollText(file: EpollFile, pid: number, efd: number): Buffer | string {
  const text = file.read();
  const link = typeof text === 'string' ? text : tryLink(pid, efd);
  if (typeof link !== 'string') return link.link === EPOLL_LINK ? text : 'EINVAL';
  const fds = listDescriptors(pid);
  if (typeof fds === 'string') return goneOrHidden(pid, fds);
  return link === 'ENOENT' ? 'EBADF' : link;
}

/**
 * `kcmp(…, KCMP_EPOLL_TFD, …)` for every target — where the files that an epoll instance watches really are.
 *
 * The list of targets is read again at the end; what changed is looked at again, a few times at most.
 *
 * @param pid - a task, threads included: 1 … 2^31−1
 * @param efd - its descriptor of the epoll instance: 0 … 2^31−1
 * @param options.pids - where to look besides `pid`; every process of /proc when left out
 * @param options.onProgress - told of every process that was looked at
 * @returns each target with its status and all its holders, the instance's own holders, and what could not be seen
 * @throws KcmpError `EINVAL` — before Linux 4.13, which cannot compare targets
 * @throws what {@link readEpoll} throws; never because another process ended, changed or refused
 * @throws Error `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`, `ERR_KOFFI_UNAVAILABLE`
 * @since Linux 4.13
 * @see kernel/kcmp.c, fs/eventpoll.c
 */
export function resolveEpoll(pid: number, efd: number, options?: ScanOptions): EpollReport {
  checkPid(pid, 'pid');
  checkPid(efd, 'efd');
  const { pids, onProgress } = checkScan(options);
  checkProc();
  const file = new EpollFile(pid, efd);
  try {
    let text = readOwn(file, pid, efd);
    checkTargets(pid, efd);
    file.yieldLast();
    let known: ReadonlyMap<string, EpollTarget> = new Map();
    let items = parseTargets(text);
    for (let round = 1; ; round++) {
      const open = unknownOf(items, known);
      const proven = proveOwnNumbers(pid, efd, open);
      const links = new Links(file.fd, pid, sureLinks(pid, open, proven));
      const seen = scan(pids, onProgress, pid, links.list);
      const resolver = new Resolver(pid, efd, seen, links);
      resolver.resolve(open, proven);
      const targets = merged(items, known);
      const instance = resolver.instance();
      const now = readEpollText(file, pid, efd);
      const stable = typeof now !== 'string' && now.equals(text);
      const { settled } = seen.account;
      if ((stable && settled) || typeof now === 'string' || round === ROUNDS) {
        return { pid, efd, instance, targets, stable, coverage: seen.account.toCoverage() };
      }
      text = now;
      items = parseTargets(text);
      // A scan in which something would not hold still settles nothing.
      known = settled ? unchanged(targets, items) : new Map();
    }
  } finally {
    file.close();
  }
}
