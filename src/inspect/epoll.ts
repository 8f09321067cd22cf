/**
 * Epoll instances of any process: which there are, what they watch, and where each target really is.
 *
 * @see https://man7.org/linux/man-pages/man7/epoll.7.html, ep_show_fdinfo() in fs/eventpoll.c
 */
import { KCMP_FILE } from '../binding/abi.ts';
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
import type { EpollItem, EpollReport, EpollTarget, ScanOptions, TargetStatus } from './reports.ts';
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
  return parseEpollItems(readOwnText(pid, efd));
}

/** The fdinfo of the instance that was asked about; not to be able to read it is an error. */
function readOwnText(pid: number, efd: number): string {
  const read = readEpollText(pid, efd);
  if ('text' in read) return read.text;
  throw subjectError(read.code, pid, read.code === 'EBADF' || read.code === 'EINVAL' ? efd : undefined);
}

function readEpollText(pid: number, efd: number): { text: string } | { code: string } {
  const info = readFdinfo(pid, efd);
  if (typeof info === 'string') {
    const fds = listDescriptors(pid);
    if (typeof fds === 'string') return { code: goneOrHidden(pid, fds) };
    return { code: info === 'ENOENT' ? 'EBADF' : info };
  }
  return readLink(pid, efd) === EPOLL_LINK ? info : { code: 'EINVAL' };
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
  checkPid(pid, 'pid');
  checkPid(efd, 'efd');
  const pids = checkPids(options);
  checkProc();
  let text = readOwnText(pid, efd);
  let known: ReadonlyMap<string, EpollTarget> = new Map();
  for (let round = 1; ; round++) {
    const items = parseEpollItems(text);
    const seen = scan(pids, options?.onProgress, pid);
    const resolver = new Resolver(pid, efd, seen);
    const targets = resolver.resolve(items, known);
    const instance = resolver.instance();
    const again = readEpollText(pid, efd);
    const now = 'text' in again ? again.text : undefined;
    if (now === undefined || now === text || round === ROUNDS) {
      return { pid, efd, instance, targets, stable: now === text, coverage: seen.account.toCoverage() };
    }
    text = now;
    known = unchanged(targets, parseEpollItems(text));
  }
}

const identity = ({ tfd, toff, ino, data, events }: EpollItem): string => `${tfd}:${toff}:${ino}:${data}:${events}`;

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
    const kept = items.map((item) => (known.size > 0 ? known.get(identity(item)) : undefined));
    const open = items.filter((_, i) => kept[i] === undefined);
    const byInode = classify(open);
    const candidates = findCandidates(tables, this.#pid, byInode.has('') ? null : byInode);
    const matcher = new Matcher(this.#pid, this.#efd, candidates, (id, code) => account.skip(id, code, 'descriptor'));
    const answers = new Map<EpollItem, EpollTarget>();
    for (const [inode, targets] of byInode) {
      const bySocket = !comparable && candidates.sockets.has(inode);
      const holders =
        comparable ? matcher.holders(inode, targets)
        : targets.map(() => (bySocket ? socketHolders(candidates, inode) : []));
      for (const [i, target] of targets.entries()) {
        const answer = this.#describe(target, holders[i] ?? [], candidates);
        if (!comparable) answer.via = bySocket ? 'socket-inode' : 'none';
        answers.set(target, answer);
      }
    }
    return items.map((item, i) => kept[i] ?? (answers.get(item) as EpollTarget));
  }

  #describe(item: EpollItem, holders: FileRef[], candidates: Candidates): EpollTarget {
    const { comparable, account } = this.#scan;
    const pid = this.#pid;
    const numberNow = candidates.links.get(item.tfd) ?? null;
    let status: TargetStatus = holders.length > 0 ? 'foreign' : 'unresolved';
    for (const ref of holders) {
      if (ref.pid !== pid) continue;
      status = ref.fd === item.tfd ? 'live' : 'renumbered';
      if (status === 'live') break;
    }
    // Without kcmp a number that is open as some file of the same inode may still be this very file.
    const maybeLive = (): boolean => candidates.own.get(`${item.ino}`)?.some((i) => candidates.fds[i] === item.tfd) === true;
    const numberReused = numberNow !== null && status !== 'live' && (comparable || !maybeLive());
    const sorted = holders.toSorted((a, b) => a.pid - b.pid || a.fd - b.fd);
    // The item was parsed for this report alone, so it becomes the target: a copy costs more than all else here.
    const target: EpollTarget = Object.assign(item, { status, holders: sorted, numberNow, numberReused });
    if (status === 'unresolved') target.reason = !comparable || account.partial ? 'unreadable' : 'unseen';
    return target;
  }
}

/** Targets by inode; all under '' where the kernel does not tell it. */
function classify(items: readonly EpollItem[]): Map<string, EpollItem[]> {
  const told = items.every(({ ino }) => ino !== undefined);
  const classes = new Map<string, EpollItem[]>();
  for (const item of items) {
    const inode = told ? `${item.ino}` : '';
    const list = classes.get(inode);
    if (list === undefined) classes.set(inode, [item]);
    else list.push(item);
  }
  return classes;
}

function socketHolders({ own, others, ids, fds }: Candidates, inode: string): FileRef[] {
  const items = [...(own.get(inode) ?? []), ...(others.get(inode) ?? [])];
  return items.map((item) => ({ pid: ids[item] as number, fd: fds[item] as number })).filter(isPlainSocket);
}
