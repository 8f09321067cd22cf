/**
 * Epoll instances of any process: which there are, what they watch, and where each target really is.
 *
 * @see https://man7.org/linux/man-pages/man7/epoll.7.html, ep_show_fdinfo() in fs/eventpoll.c
 */
import { KCMP_FILE } from '../binding/abi.ts';
import { badU32, isU32 } from '../binding/errors.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { listDescriptors, readLink } from '../procfs/descriptors.ts';
import { parseEpollItems, readFdinfo } from '../procfs/fdinfo.ts';
import { checkProc } from '../procfs/processes.ts';
import { checkPid, checkPids } from './arguments.ts';
import { findCandidates, type Candidates } from './candidates.ts';
import { Matcher } from './match.ts';
import { isPlainSocket } from './identify.ts';
import { goneOrHidden, subjectError } from './refused.ts';
import type { EpollItem, EpollReport, EpollTarget, ScanOptions } from './reports.ts';
import { scan, type Scan } from './scan.ts';

const EPOLL_LINK = 'anon_inode:[eventpoll]';
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
 */
export function listEpolls(pid: number): number[] {
  checkPid(pid, 'pid');
  checkProc();
  const fds = listDescriptors(pid);
  if (typeof fds === 'string') throw subjectError(goneOrHidden(pid, fds), pid);
  return fds.filter((fd) => readLink(pid, fd) === EPOLL_LINK);
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
 */
export function readEpoll(pid: number, efd: number): EpollItem[] {
  checkPid(pid, 'pid');
  checkPid(efd, 'efd');
  checkProc();
  const items = readItems(pid, efd);
  if (typeof items === 'string') throw subjectError(items, pid, items === 'EBADF' || items === 'EINVAL' ? efd : undefined);
  return items;
}

/** The items, or the code of why not. */
function readItems(pid: number, efd: number): EpollItem[] | string {
  const info = readFdinfo(pid, efd);
  if (typeof info === 'string') {
    const fds = listDescriptors(pid);
    if (typeof fds === 'string') return goneOrHidden(pid, fds);
    return info === 'ENOENT' ? 'EBADF' : info;
  }
  return readLink(pid, efd) === EPOLL_LINK ? parseEpollItems(info.text) : 'EINVAL';
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
 * @throws what {@link readEpoll} throws; never because another process ended, changed or refused
 * @throws Error `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`, `ERR_KOFFI_UNAVAILABLE`
 * @since Linux 4.13
 * @see kernel/kcmp.c, fs/eventpoll.c
 */
export function resolveEpoll(pid: number, efd: number, options?: ScanOptions): EpollReport {
  if (!isU32(efd)) throw badU32('efd', efd);
  const pids = checkPids(options);
  let items = readEpoll(pid, efd);
  let known = new Map<string, EpollTarget>();
  for (let round = 1; ; round++) {
    const seen = scan(pids, options?.onProgress, pid);
    const resolver = new Resolver(pid, efd, seen);
    const targets = resolver.resolve(items, known);
    const instance = resolver.instance();
    const again = readItems(pid, efd);
    const stable = typeof again !== 'string' && fingerprint(again) === fingerprint(items);
    if (stable || round === ROUNDS || typeof again === 'string') {
      return { pid, efd, instance, targets, stable, coverage: seen.account.toCoverage() };
    }
    known = unchanged(targets, again);
    items = again;
  }
}

const identity = ({ tfd, toff, ino, data, events }: EpollItem): string => `${tfd}:${toff}:${ino}:${data}:${events}`;
const fingerprint = (items: readonly EpollItem[]): string => items.map(identity).join();

/** Answers that still stand: those of numbers under which nothing changed, since `toff` counts within a number. */
function unchanged(targets: readonly EpollTarget[], again: readonly EpollItem[]): Map<string, EpollTarget> {
  const now = new Set(again.map(identity));
  const before = new Map(targets.map((target) => [identity(target), target]));
  const changed = new Set<number>();
  for (const target of targets) if (!now.has(identity(target))) changed.add(target.tfd);
  for (const item of again) if (!before.has(identity(item))) changed.add(item.tfd);
  for (const [key, { tfd }] of before) if (changed.has(tfd)) before.delete(key);
  return before;
}

/** Resolves targets against one scan. */
class Resolver {
  readonly #pid: number;
  readonly #efd: number;
  readonly #scan: Scan;

  constructor(pid: number, efd: number, scan: Scan) {
    this.#pid = pid;
    this.#efd = efd;
    this.#scan = scan;
  }

  /** Every descriptor of this instance. */
  instance(): FileRef[] {
    const own = { pid: this.#pid, fd: this.#efd };
    if (!this.#scan.comparable) return [own];
    const refs: FileRef[] = [];
    for (const { id, fds } of this.#scan.tables) {
      for (const fd of fds) {
        if (kcmpRaw(id, own.pid, KCMP_FILE, fd, own.fd) === 0) refs.push({ pid: id, fd });
      }
    }
    return refs;
  }

  resolve(items: readonly EpollItem[], known: ReadonlyMap<string, EpollTarget>): EpollTarget[] {
    const { tables, account, comparable } = this.#scan;
    const open = items.filter((item) => !known.has(identity(item)));
    const told = open.every(({ ino }) => ino !== undefined);
    const inodeOf = ({ ino }: EpollItem): string => (told ? `${ino}` : '');
    const candidates = findCandidates(tables, this.#pid, told ? new Set(open.map(inodeOf)) : null);
    const matcher = new Matcher(this.#pid, this.#efd, candidates, (id, code) => account.skip(id, code, 'descriptor'));
    const resolved = new Map<string, EpollTarget>(known);
    for (const [inode, targets] of byInode(open, inodeOf)) {
      const bySocket = !comparable && candidates.sockets.has(inode);
      const holders =
        comparable ? matcher.holders(inode, targets)
        : targets.map(() => (bySocket ? socketHolders(candidates, inode) : []));
      for (const [i, target] of targets.entries()) {
        const answer = this.#describe(target, holders[i] ?? [], candidates);
        if (!comparable) answer.via = bySocket ? 'socket-inode' : 'none';
        resolved.set(identity(target), answer);
      }
    }
    return items.map((item) => resolved.get(identity(item)) as EpollTarget);
  }

  #describe(item: EpollItem, holders: FileRef[], candidates: Candidates): EpollTarget {
    const { comparable, account } = this.#scan;
    const pid = this.#pid;
    const numberNow = candidates.links.get(item.tfd) ?? null;
    const status =
      holders.some((ref) => ref.pid === pid && ref.fd === item.tfd) ? 'live'
      : holders.some((ref) => ref.pid === pid) ? 'renumbered'
      : holders.length > 0 ? 'foreign'
      : 'unresolved';
    // Without kcmp a number that is open as some file of the same inode may still be this very file.
    const maybeLive = (): boolean => candidates.own.get(`${item.ino}`)?.some((i) => candidates.fds[i] === item.tfd) === true;
    const numberReused = numberNow !== null && status !== 'live' && (comparable || !maybeLive());
    holders.sort((a, b) => a.pid - b.pid || a.fd - b.fd);
    const target: EpollTarget = { ...item, status, holders, numberNow, numberReused };
    if (status === 'unresolved') target.reason = !comparable || account.partial ? 'unreadable' : 'unseen';
    return target;
  }
}

function byInode(items: readonly EpollItem[], inodeOf: (item: EpollItem) => string): Map<string, EpollItem[]> {
  const classes = new Map<string, EpollItem[]>();
  for (const item of items) {
    const list = classes.get(inodeOf(item));
    if (list === undefined) classes.set(inodeOf(item), [item]);
    else list.push(item);
  }
  return classes;
}

function socketHolders({ own, others, ids, fds }: Candidates, inode: string): FileRef[] {
  const items = [...(own.get(inode) ?? []), ...(others.get(inode) ?? [])];
  return items.map((item) => ({ pid: ids[item] as number, fd: fds[item] as number })).filter(isPlainSocket);
}
