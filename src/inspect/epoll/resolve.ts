/** The targets of one epoll instance against one scan: where each file is, and what its number is today. */
import { KCMP_FILE } from '../../binding/abi.ts';
import type { FileRef } from '../../binding/kcmp.ts';
import { kcmpRaw } from '../../binding/syscall.ts';
import { refAt } from '../../descriptions/order.ts';
import { isPlainSocket, type Via } from '../../descriptions/without-kcmp.ts';
import { type EpollItem, parseItemsAs } from '../../procfs/epoll-items.ts';
import { EPOLL_LINK, isSocketLink } from '../../procfs/link.ts';
import type { Span } from '../../scan/columns.ts';
import { unseen } from '../../scan/coverage.ts';
import type { Links } from '../../scan/link-columns.ts';
import type { Scan } from '../../scan/tables.ts';
import { Candidates, type InodeClass } from './inode-classes.ts';
import { TargetMatcher } from './match.ts';

/**
 * `live`: fd `tfd` of the process is this file. `renumbered`: the process holds it under other numbers only.
 * `foreign`: only other processes hold it. `unresolved`: no descriptor that could be read is this file.
 */
export type TargetStatus = 'live' | 'renumbered' | 'foreign' | 'unresolved';

/** A target, and where its file is now. */
export interface EpollTarget extends EpollItem {
  status: TargetStatus;
  /** Every task and descriptor that refers to the target's file. */
  holders: FileRef[];
  /** What fd `tfd` of the process is today, as its /proc link reads; null when it is not open. */
  numberNow: string | null;
  /** Fd `tfd` of the process is open as another file: such a target reports events nobody expects. */
  numberReused: boolean;
  /** Why it is unresolved: `unseen`, everything was read (in flight, or held by the kernel); `unreadable`, something was skipped. */
  reason?: 'unseen' | 'unreadable';
  /** What the answer rests on, where it is not kcmp. */
  via?: Via;
}

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

const NOBODY: FileRef[] = [];

/** The targets of a text, of which nothing is known yet: a copy of each item would cost more than all else about it. */
export const parseTargets = (text: Uint8Array): EpollTarget[] =>
  parseItemsAs(text, (tfd, toff, events, eventNames, data, pos, ino, sdev): EpollTarget => {
    const status = 'unresolved';
    if (pos !== undefined && ino !== undefined && sdev !== undefined) {
      return {
        tfd,
        toff,
        events,
        eventNames,
        data,
        pos,
        ino,
        sdev,
        status,
        holders: NOBODY,
        numberNow: null,
        numberReused: false,
      };
    }
    const target: EpollTarget = {
      tfd,
      toff,
      events,
      eventNames,
      data,
      status,
      holders: NOBODY,
      numberNow: null,
      numberReused: false,
    };
    if (pos !== undefined) target.pos = pos;
    if (ino !== undefined) target.ino = ino;
    if (sdev !== undefined) target.sdev = sdev;
    return target;
  });

/** What is not known of these targets. */
export const unknownOf = (items: EpollTarget[], known: ReadonlyMap<string, EpollTarget>): EpollTarget[] =>
  known.size === 0 ? items : items.filter((item) => !known.has(identity(item)));

/** All targets, as they are known where they are. */
export const merged = (items: EpollTarget[], known: ReadonlyMap<string, EpollTarget>): EpollTarget[] =>
  known.size === 0 ? items : items.map((item) => known.get(identity(item)) ?? item);

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
        if (kcmpRaw(ids[item] as number, own.pid, KCMP_FILE, fds[item] as number, own.fd) === 0)
          refs.push(refAt(this.#links, item));
      }
    }
    return refs;
  }

  /**
   * Answers about targets, in them.
   * @param proven - by target: whether its own number was found to be its file
   */
  resolve(targets: readonly EpollTarget[], proven: Uint8Array): void {
    const { tables, account, comparable } = this.#scan;
    const candidates = new Candidates(this.#links, targets);
    const matcher = new TargetMatcher(this.#pid, this.#efd, this.#links, targets, (id, code) =>
      account.skip(id, code, 'descriptor'),
    );
    if (comparable) matcher.takeProven(proven, this.#own, candidates);
    const sockets = new Map<number, FileRef[]>();
    for (const open of candidates.open(tables, this.#pid, matcher.items)) {
      if (comparable) matcher.resolve(open);
      else if (candidates.told) this.#matchSockets(open, sockets);
    }
    const ofUnresolved = !comparable || unseen(account).length > 0 ? 'unreadable' : 'unseen';
    for (let i = 0; i < targets.length; i++) {
      const target = targets[i] as EpollTarget;
      const bySocket = comparable ? undefined : sockets.get(candidates.inodes[i] as number);
      target.holders = bySocket?.slice() ?? (matcher.items[i] as number[]).map((item) => refAt(this.#links, item));
      this.#describe(target, candidates, i);
      if (target.status === 'unresolved') target.reason = ofUnresolved;
      if (!comparable) target.via = bySocket === undefined ? 'none' : 'socket-inode';
    }
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

  /** What follows from a target's holders. */
  #describe(target: EpollTarget, candidates: Candidates, index: number): void {
    const { tfd, holders } = target;
    const at = this.#links.itemOf(this.#own, tfd);
    target.numberNow = at < 0 ? null : (this.#links.links[at] ?? null);
    let status: TargetStatus = holders.length > 0 ? 'foreign' : 'unresolved';
    for (const ref of holders) {
      if (ref.pid !== this.#pid) continue;
      status = ref.fd === tfd ? 'live' : 'renumbered';
      if (status === 'live') break;
    }
    target.status = status;
    if (holders.length > 1) holders.sort((a, b) => a.pid - b.pid || a.fd - b.fd);
    if (status === 'live' || target.numberNow === null) return;
    // Without kcmp a number that is open as some file of the same inode may still be this very file.
    target.numberReused = this.#scan.comparable || candidates.inodeOf(at) !== candidates.inodes[index];
  }
}
