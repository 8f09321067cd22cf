/** Where some targets of one instance are, as far as is known: looked for in all tables, and again in those that change. */
import { kcmpEpollRaw } from '../../binding/syscall.ts';
import { plainSocket } from '../../descriptions/without-kcmp.ts';
import { statIno } from '../../procfs/fd.ts';
import { refAt, type Span } from '../../scan/columns.ts';
import { unseen } from '../../scan/coverage.ts';
import type { Links } from '../../scan/link-columns.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Scan, Table } from '../../scan/tables.ts';
import { Candidates, type InodeClass } from './inode-classes.ts';
import { TargetMatcher } from './match.ts';
import type { EpollTarget, TargetStatus } from './targets.ts';

/** Above so many targets one that is where it was registered, alone on its inode, is not proven a second time. */
const MANY = 1000;
const NO_ITEMS: Span = { start: 0, end: 0 };
const BETWEEN_PAUSES = 256;

export class TargetSearch {
  readonly #pid: number;
  readonly #efd: number;
  readonly #scan: Scan;
  readonly #links: Links;
  readonly #targets: readonly EpollTarget[];
  readonly #proven: Uint8Array;
  readonly #candidates: Candidates;
  /** By table: the items that were looked at. */
  readonly #spans = new Map<Table, Span>();
  /** By target: its items. */
  #items: number[][] | undefined = undefined;
  /** Why items could not be compared. */
  #dropped = new Map<number, string>();

  /** @param proven - by target: whether its own number was found to be its file */
  constructor(pid: number, efd: number, scan: Scan, links: Links, targets: readonly EpollTarget[], proven: Uint8Array) {
    this.#pid = pid;
    this.#efd = efd;
    this.#scan = scan;
    this.#links = links;
    this.#targets = targets;
    this.#proven = proven;
    this.#candidates = new Candidates(links, targets);
  }

  /** One look, as settle() wants it. */
  *look(open: readonly Table[]): Steps<ReadonlySet<Table>> {
    const changed = new Set<Table>();
    const gone = new Set<number>();
    const matcher = new TargetMatcher(this.#pid, this.#efd, this.#links, this.#targets, this.#items, (item, code) => {
      if (code === 'EBADF' || code === 'ESRCH') gone.add(this.#links.ids[item] as number);
      this.#dropped.set(item, code);
    });
    if (this.#items === undefined) {
      yield* matcher.takeOwn(this.#targets.keys(), (target) => this.#proven[target] === 1, this.#own, this.#candidates);
      const classes = yield* this.#candidates.open(this.#scan.tables, matcher.items);
      for (const open of classes) yield* matcher.matchStill(open);
    } else {
      const before = open.map((table) => this.#spans.get(table) ?? NO_ITEMS);
      const now = open.map(({ id }) => this.#links.spanOf(id));
      for (const [i, table] of open.entries()) {
        yield;
        if (this.#spans.has(table) && !this.#links.isAlike(before[i] as Span, now[i] as Span)) changed.add(table);
      }
      const classes = yield* this.#candidates.touched(this.#scan.tables, [...before, ...now]);
      this.#forget(classes);
      for (const open of classes)
        if (!this.#isPlain(open)) yield* matcher.matchMoving(open, this.#own, this.#candidates);
    }
    this.#items = matcher.items;
    for (const table of open) {
      this.#spans.set(table, this.#links.spanOf(table.id));
      if (!table.isWhole || gone.has(table.id)) changed.add(table);
    }
    return changed;
  }

  /** Without kcmp: of a socket's inode and device there is one description; of others, none can be told. */
  *lookForSockets(): Steps<void> {
    const { inodes, told } = this.#candidates;
    const items = this.#targets.map((): number[] => []);
    for (const { targets, items: all } of told ? yield* this.#candidates.open(this.#scan.tables, items) : []) {
      const inode = inodes[targets[0] as number] as number;
      const sockets: number[] = [];
      for (const item of all) {
        if (plainSocket(refAt(this.#links, item)) === inode) sockets.push(item);
        yield;
      }
      let isOpen = false;
      for (const target of targets) {
        const isSocket = sockets.length > 0 && this.#targets[target]?.sdev === this.#deviceOf(sockets[0] as number);
        if (isSocket) items[target] = sockets;
        else isOpen = true;
      }
      // These may be the targets or not, which is to say that they could not be looked at.
      for (const item of isOpen ? all : []) {
        this.#scan.account.skip(this.#links.ids[item] as number, 'EPERM', 'descriptor');
        yield;
      }
    }
    this.#items = items;
    for (const [i, target] of this.#targets.entries()) target.via = items[i]?.length === 0 ? 'none' : 'socket-inode';
  }

  #deviceOf(item: number): number | undefined {
    const { pid, fd } = refAt(this.#links, item);
    const stat = statIno(pid, fd);
    return typeof stat === 'string' ? undefined : stat.dev >>> 0;
  }

  /** Tells in the targets what was found. */
  *describe(): Steps<void> {
    const { account, comparable } = this.#scan;
    for (const [item, code] of this.#dropped) account.skip(this.#links.ids[item] as number, code, 'descriptor');
    const ofUnresolved = !comparable || unseen(account).length > 0 ? 'unreadable' : 'unseen';
    const own = this.#own;
    for (const [i, target] of this.#targets.entries()) {
      if (i % BETWEEN_PAUSES === 0) yield;
      target.holders = (this.#items?.[i] ?? []).map((item) => refAt(this.#links, item));
      this.#describe(target, i, own);
      if (target.status === 'unresolved') target.reason = ofUnresolved;
    }
  }

  /**
   * Whether every holder still is the target's file, and nobody that of a target without: an item that comes and goes
   * under the same number shifts `toff`, so that for a moment one stands for the other.
   */
  *confirms(targets: readonly EpollTarget[]): Steps<boolean> {
    const some = targets.length <= MANY ? targets : targets.filter(({ toff, status }) => toff > 0 || status !== 'live');
    for (const { tfd, toff, holders } of some) {
      for (const { pid, fd } of holders) if (!this.#isFile(pid, fd, tfd, toff)) return false;
      yield;
    }
    const missing = some.filter(({ holders }) => holders.length === 0);
    const candidates = new Candidates(this.#links, missing);
    for (const { targets: of, items } of missing.length === 0
      ? []
      : yield* candidates.open(
          this.#scan.tables,
          missing.map(() => []),
        )) {
      for (const { tfd, toff } of of.map((place) => missing[place] as EpollTarget)) {
        for (const item of items) {
          if (this.#isFile(this.#links.ids[item] as number, this.#links.fds[item] as number, tfd, toff)) return false;
          yield;
        }
      }
    }
    return true;
  }

  #isFile(pid: number, fd: number, tfd: number, toff: number): boolean {
    return kcmpEpollRaw(pid, this.#pid, fd, this.#efd, tfd, toff) === 0;
  }

  /** The items of the task asked about; none when it was skipped. */
  get #own(): Span {
    return this.#scan.tables.some(({ id }) => id === this.#pid) ? this.#links.spanOf(this.#pid) : NO_ITEMS;
  }

  #isPlain({ targets, items }: InodeClass): boolean {
    const [target] = targets;
    const isAlone = this.#targets.length > MANY && targets.length === 1 && items.length === 1;
    return (
      isAlone &&
      this.#proven[target as number] === 1 &&
      this.#links.fds[items[0] as number] === this.#targets[target as number]?.tfd
    );
  }

  /** Forgets what could not be compared before in what is looked at anew. */
  #forget(classes: readonly InodeClass[]): void {
    if (this.#dropped.size === 0) return;
    const anew = new Set(classes.flatMap(({ items }) => items));
    const current = new Set(this.#scan.tables.map(({ id }) => this.#links.spanOf(id)));
    const isCurrent = (item: number): boolean => [...current].some(({ start, end }) => item >= start && item < end);
    for (const item of this.#dropped.keys()) if (anew.has(item) || !isCurrent(item)) this.#dropped.delete(item);
  }

  /** What follows from a target's holders. */
  #describe(target: EpollTarget, index: number, own: Span): void {
    const { tfd, holders } = target;
    const at = this.#links.itemOf(own, tfd);
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
    target.numberReused = this.#scan.comparable || this.#candidates.inodeOf(at) !== this.#candidates.inodes[index];
  }
}
