/** The targets of one epoll instance against one scan: where each file is, and what its number is today. */
import { KCMP_FILE } from '../binding/abi.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { EPOLL_LINK, isSocketLink } from '../procfs/link.ts';
import { unseen } from './account.ts';
import { Candidates, type InodeClass } from './candidates.ts';
import { refAt } from './descriptions.ts';
import { isPlainSocket } from './identify.ts';
import type { Links, Span } from './links.ts';
import { Matcher } from './match.ts';
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

/** What is not known of these items. */
export const unknownOf = (items: readonly EpollItem[], known: ReadonlyMap<string, EpollTarget>): readonly EpollItem[] =>
  known.size === 0 ? items : items.filter((item) => !known.has(identity(item)));

/** All targets in the order of the items, those that were known and the rest. */
export function merged(items: readonly EpollItem[], known: ReadonlyMap<string, EpollTarget>, rest: EpollTarget[]): EpollTarget[] {
  if (known.size === 0) return rest;
  const next = rest.values();
  return items.map((item) => known.get(identity(item)) ?? (next.next().value as EpollTarget));
}

/** Resolves targets against one scan. */
export class Resolver {
  readonly #pid: number;
  readonly #efd: number;
  readonly #scan: Scan;
  readonly #links: Links;
  /** The items of the task asked about; none when it was skipped. */
  readonly #own: Span;

  constructor(pid: number, efd: number, scan: Scan, links: Links) {
    this.#pid = pid;
    this.#efd = efd;
    this.#scan = scan;
    this.#links = links;
    this.#own = scan.tables.some(({ id }) => id === pid) ? links.spanOf(pid) : { start: 0, end: 0 };
  }

  /** Every descriptor of this instance. */
  instance(): FileRef[] {
    const { ids, fds, links } = this.#links;
    const own = { pid: this.#pid, fd: this.#efd };
    if (!this.#scan.comparable) return [own];
    const refs: FileRef[] = [];
    for (const table of this.#scan.tables) {
      const { start, end } = this.#links.spanOf(table.id);
      for (let item = start; item < end; item++) {
        const link = links[item];
        if (link !== EPOLL_LINK && link !== null) continue;
        if (kcmpRaw(ids[item] as number, own.pid, KCMP_FILE, fds[item] as number, own.fd) === 0) refs.push(refAt(this.#links, item));
      }
    }
    return refs;
  }

  /** @param proven - by target: whether its own number was found to be its file */
  resolve(items: readonly EpollItem[], proven: Uint8Array): EpollTarget[] {
    const { tables, account, comparable } = this.#scan;
    const candidates = new Candidates(this.#links, items);
    const matcher = new Matcher(this.#pid, this.#efd, this.#links, items, (id, code) => account.skip(id, code, 'descriptor'));
    if (comparable) matcher.takeProven(proven, this.#own, candidates);
    const sockets = new Map<number, FileRef[]>();
    for (const open of candidates.open(tables, this.#pid, matcher.found)) {
      if (comparable) matcher.resolve(open);
      else this.#matchSockets(open, sockets);
    }
    const holders = matcher.holders(candidates.inodes);
    const ofUnresolved = !comparable || unseen(account).length > 0 ? 'unreadable' : 'unseen';
    return items.map((item, i) => {
      const bySocket = comparable ? undefined : sockets.get(candidates.inodes[i] as number);
      const found = bySocket ?? (holders[i] as FileRef[]);
      const mine = bySocket !== undefined || found === holders[i - 1] ? found.slice() : found;
      const target = this.#describe(item, mine, candidates, i);
      if (target.status === 'unresolved') target.reason = ofUnresolved;
      if (!comparable) target.via = bySocket === undefined ? 'none' : 'socket-inode';
      return target;
    });
  }

  /** Without kcmp: of a socket's inode there is one description; of others, none can be told. */
  #matchSockets({ inode, own, others }: InodeClass, sockets: Map<number, FileRef[]>): void {
    const items = [...own, ...others];
    if (items.some((item) => isSocketLink(this.#links.links[item] ?? null))) {
      sockets.set(inode, items.map((item) => refAt(this.#links, item)).filter(isPlainSocket));
    } else if (items.length > 0) {
      // These may be the targets or not, which is to say that they could not be looked at.
      this.#scan.account.skip(this.#pid, 'EPERM', 'descriptor', items.length);
    }
  }

  #describe(item: EpollItem, holders: FileRef[], candidates: Candidates, index: number): EpollTarget {
    const { tfd, toff, events, eventNames, data, pos, ino, sdev } = item;
    const at = this.#links.itemOf(this.#own, tfd);
    const numberNow = at < 0 ? null : (this.#links.links[at] ?? null);
    let status: TargetStatus = holders.length > 0 ? 'foreign' : 'unresolved';
    for (const ref of holders) {
      if (ref.pid !== this.#pid) continue;
      status = ref.fd === tfd ? 'live' : 'renumbered';
      if (status === 'live') break;
    }
    if (holders.length > 1) holders.sort((a, b) => a.pid - b.pid || a.fd - b.fd);
    let numberReused = numberNow !== null && status !== 'live';
    // Without kcmp a number that is open as some file of the same inode may still be this very file.
    if (numberReused && !this.#scan.comparable) numberReused = candidates.inodeOf(at) !== candidates.inodes[index];
    if (pos !== undefined && ino !== undefined && sdev !== undefined) {
      return { tfd, toff, events, eventNames, data, pos, ino, sdev, status, holders, numberNow, numberReused };
    }
    return { ...item, status, holders, numberNow, numberReused };
  }
}
