/**
 * Epoll instances of any process: which there are, what they watch, and where each target really is.
 *
 * @see https://man7.org/linux/man-pages/man7/epoll.7.html, ep_show_fdinfo() in fs/eventpoll.c
 */
import { badType } from '../binding/arguments.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { readOptions } from '../binding/read.ts';
import { EpollFile, isEpollAt } from '../procfs/epoll-file.ts';
import { type EpollItem, parseEpollItems } from '../procfs/epoll-items.ts';
import { checkProc } from '../procfs/root.ts';
import { readProcess } from '../procfs/status.ts';
import type { Coverage } from '../scan/coverage.ts';
import { checkPid, checkScan, type ScanOptions } from '../scan/options.ts';
import { type Asked, finish, type Steps } from '../scan/steps.ts';
import { listOrThrow, requireComparable } from '../scan/subject.ts';
import { scan } from '../scan/tables.ts';
import { ownText, readEpollText } from './epoll/instance.ts';
import { type Resolved, resolveTargets } from './epoll/resolve.ts';
import type { EpollTarget } from './epoll/targets.ts';

/** Options of {@link resolveEpoll}. */
export interface EpollOptions extends ScanOptions {
  /**
   * Whether each target is compared however many there are. Above 10,000 this may take hours, since all work that keeps
   * others from the instance takes rests; when left out, the inode of a socket will do there, and a minute is enough.
   */
  exact?: boolean | undefined;
}

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

/**
 * readlink(/proc/PID/fd/…) — the descriptors of a task that are epoll instances.
 *
 * @param pid - a task, threads included: 1 … 2^31−1
 * @returns descriptor numbers, ascending
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` — a bad argument
 * @throws Error `ESRCH` — no such task; `EACCES` or `EPERM` — it may not be inspected;
 *   `EBUSY` — it is in an exec that does not end, for which a look would wait
 * @throws Error `ERR_PROC_UNAVAILABLE` — /proc is not mounted, or another pid namespace's
 * @example listEpolls(process.pid); // Node's main loop, and others
 * @since Linux 2.6.9
 * @see https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html, proc(5)
 */
export function listEpolls(pid: number): number[] {
  checkPid(pid, 'pid');
  checkProc();
  finish({ steps: requireComparable(pid) });
  return listOrThrow(pid).filter((fd) => isEpollAt(pid, fd));
}

/** {@link listEpolls} of a process in all its tables, each by its task: a thread's own may outlive the first one's. */
export function listAllEpolls(pid: number): Array<{ task: number; efds: number[] }> {
  const own = listEpolls(pid);
  const seen = readProcess(pid) === pid ? finish({ steps: scan([pid]) }) : undefined;
  const threads = seen?.tables.filter(({ id }) => id !== pid) ?? [];
  const others = threads.map(({ id, fds }) => ({ task: id, efds: fds.filter((fd) => isEpollAt(id, fd)) }));
  return [{ task: pid, efds: own }, ...others].filter(({ efds }) => efds.length > 0);
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
 * @example for (const efd of listEpolls(process.pid)) console.log(readEpoll(process.pid, efd).map(({ tfd, eventNames }) => [tfd, eventNames]));
 * @since Linux 3.8
 * @see https://man7.org/linux/man-pages/man5/proc_pid_fdinfo.5.html, proc(5), ep_show_fdinfo() in fs/eventpoll.c
 */
export function readEpoll(pid: number, efd: number): EpollItem[] {
  checkPid(pid, 'pid');
  checkPid(efd, 'efd');
  checkProc();
  finish({ steps: requireComparable(pid) });
  const file = new EpollFile(pid, efd);
  try {
    return parseEpollItems(ownText(readEpollText(file, pid, efd), pid, efd));
  } finally {
    file.close();
  }
}

/**
 * `kcmp(…, KCMP_EPOLL_TFD, …)` for every target — where the files that an epoll instance watches really are.
 *
 * The list of targets is read again at the end; what changed is looked at again, a few times at most.
 *
 * @param pid - a task, threads included: 1 … 2^31−1
 * @param efd - its descriptor of the epoll instance: 0 … 2^31−1
 * @param options.pids - where to look besides `pid`; every process of /proc when left out
 * @param options.exact - whether each target is compared however many there are: above 10,000 the inode of a socket may do
 *   (`via`), and what takes more than a minute of comparing, with rests, is left out and counted with `ETIMEDOUT`
 * @param options.onProgress - told how much of all the work is done, the comparing too, in thousandths
 * @returns each target with its status and all its holders, the instance's own holders, and what could not be seen
 * @throws KcmpError `EINVAL` — before Linux 4.13, which cannot compare targets
 * @throws what {@link readEpoll} throws; never because another process ended, changed or refused
 * @throws Error `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`, `ERR_KOFFI_UNAVAILABLE`
 * @example
 * const [efd = -1] = listEpolls(process.pid);
 * resolveEpoll(process.pid, efd).targets.filter(({ status }) => status !== 'live'); // stale ones
 * @since Linux 4.13
 * @see https://man7.org/linux/man-pages/man7/epoll.7.html, kernel/kcmp.c, fs/eventpoll.c
 */
export function resolveEpoll(pid: number, efd: number, options?: EpollOptions): EpollReport {
  return finish(askEpoll(pid, efd, options));
}

/** {@link resolveEpoll}, in steps. */
export function askEpoll(pid: number, efd: number, options: EpollOptions | undefined): Asked<EpollReport> {
  checkPid(pid, 'pid');
  checkPid(efd, 'efd');
  const { exact = false, ...others } = readOptions(options, ['exact', 'pids', 'onProgress']);
  const { pids, onProgress } = checkScan(others);
  if (typeof exact !== 'boolean') throw badType('options.exact', 'of type boolean', exact);
  return { steps: reportOf(pid, efd, pids, exact), onProgress };
}

function* reportOf(
  pid: number,
  efd: number,
  pids: readonly number[] | undefined,
  isExact: boolean,
): Steps<EpollReport> {
  const [resolved] = yield* resolveTargets(pid, [efd], pids, isExact);
  return { pid, efd, ...(resolved as Resolved) };
}

/** {@link resolveEpoll} of several instances of one process with one scan; undefined for each that was closed meanwhile. */
export function resolveEpolls(
  pid: number,
  efds: readonly number[],
  { exact = false, pids, onProgress }: Pick<EpollOptions, 'exact' | 'onProgress'> & { pids?: readonly number[] },
): Array<EpollReport | undefined> {
  const found = finish({ steps: resolveTargets(pid, efds, pids, exact), onProgress });
  return found.map((resolved, i) => resolved && { pid, efd: efds[i] as number, ...resolved });
}
