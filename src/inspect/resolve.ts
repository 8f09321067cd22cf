/** The targets of one epoll instance against one scan: where each file is, and what its number is today. */
import { KCMP_FILE } from '../binding/abi.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { unseen } from './account.ts';
import { findCandidates, type Candidates } from './candidates.ts';
import { refAt } from './descriptions.ts';
import { isPlainSocket } from './identify.ts';
import { Matcher } from './match.ts';
import { addTo } from './multimap.ts';
import type { EpollItem, EpollTarget, TargetStatus } from './reports.ts';
import type { Scan } from './scan.ts';

const identity = ({ tfd, toff, ino, data, events }: EpollItem): string => `${tfd}:${toff}:${ino}:${data}:${events}`;

/** Answers that still stand: those of numbers under which nothing changed, since `toff` counts within a number. */
export function unchanged(targets: readonly EpollTarget[], again: readonly EpollItem[]): Map<string, EpollTarget> {
  const now = new Set(again.map(identity));
  const before = new Map(targets.map((target) => [identity(target), target]));
  const changed = new Set<number>();
  for (const target of targets) if (!now.has(identity(target))) changed.add(target.tfd);
  for (const item of again) if (!before.has(identity(item))) changed.add(item.tfd);
  for (const [key, { tfd }] of before) if (changed.has(tfd)) before.delete(key);
  return before;
}

/** Resolves targets against one scan. */
export class Resolver {
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
      // Those of one inode may be these targets or not, which is to say that they could not be looked at.
      const undecided = comparable || bySocket ? 0 : itemsOf(candidates, inode).length;
      if (undecided > 0) account.skip(this.#pid, 'EPERM', 'descriptor', undecided);
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
    if (status === 'unresolved') target.reason = !comparable || unseen(account).length > 0 ? 'unreadable' : 'unseen';
    return target;
  }
}

/** Targets by inode; all under '' where the kernel does not tell it. */
function classify(items: readonly EpollItem[]): Map<string, EpollItem[]> {
  const told = items.every(({ ino }) => ino !== undefined);
  const classes = new Map<string, EpollItem[]>();
  for (const item of items) addTo(classes, told ? `${item.ino}` : '', item);
  return classes;
}

const itemsOf = ({ own, others }: Candidates, inode: string): number[] => [...(own.get(inode) ?? []), ...(others.get(inode) ?? [])];

const socketHolders = (candidates: Candidates, inode: string): FileRef[] =>
  itemsOf(candidates, inode).map((item) => refAt(candidates, item)).filter(isPlainSocket);
