/** What a process has open, one open file description after the other: what it is, who else has it, and its other end. */
import { saysNothing } from '../../descriptions/same-inode.ts';
import { type FoundSocket, Sockets } from '../../netlink/sockets.ts';
import { S_IFIFO, S_IFMT, S_IFSOCK } from '../../procfs/kind.ts';
import { isSocketLink } from '../../procfs/link.ts';
import { refAt } from '../../scan/columns.ts';
import type { Holder } from '../../scan/holder.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Pausing } from '../../util/drain.ts';
import type { SubjectFacts } from '../holders/subject.ts';
import { describeOpen, type FileFacts, type SocketFinder } from '../open-file.ts';
import type { FoundFile } from '../open/found-file.ts';
import { type OtherEnd, RESTLESS } from '../peers.ts';
import type { Ends } from './ends.ts';
import { Holding, type Lost } from './holding.ts';
import type { Group } from './interest.ts';
import type { Snapshot } from './snapshot.ts';
import { socketLink } from '../peers/socket.ts';

/** Of more descriptions on one inode it is not told of each which others there are. */
const FEW = 64;
/** After so many descriptions it is asked whether anybody ran meanwhile; then they are told again. */
const BETWEEN_CHECKS = 64;
const FIRST = 4;

/** A description as far as its own descriptors tell, and the other end but for that of a socket. */
interface Told {
  subject: SubjectFacts;
  facts: FileFacts;
  holders: Holder[];
  otherEnd?: OtherEnd | null | undefined;
}

export class ProcessFiles implements SocketFinder {
  readonly #snapshot: Snapshot;
  readonly #holding: Holding;
  readonly #groups: readonly Group[];
  /** The tasks that are asked about. */
  readonly #own: ReadonlySet<number>;
  readonly #ends: Ends | undefined;
  readonly #sockets: Sockets;
  /** All that is on the same inodes. */
  #neighbours: ReadonlyMap<number, readonly Group[]> = new Map();
  #told: ReadonlyMap<Group, Told | undefined> = new Map();

  constructor(snapshot: Snapshot, groups: readonly Group[], ends: Ends | undefined) {
    const { tables } = snapshot.scan;
    const { inos, modes } = snapshot.files;
    const leaders = groups.map(({ items }) => items[0] as number);
    const sockets = leaders.filter((item) => ((modes[item] as number) & S_IFMT) === S_IFSOCK);
    this.#groups = groups;
    this.#ends = ends;
    this.#snapshot = snapshot;
    this.#own = new Set(snapshot.tables().map(({ id }) => id));
    this.#holding = new Holding(snapshot);
    this.#sockets = new Sockets(
      () => tables.map(({ id }) => id),
      sockets.map((item) => inos[item] as number),
    );
  }

  get lost(): readonly Lost[] {
    return this.#holding.lost;
  }

  /** What was opened to look with. */
  close(): void {
    this.#holding.close();
    this.#sockets.close();
  }

  /** What each is and who has it: at once, while that is as it was found. */
  *describe(): Steps<void> {
    this.#neighbours = yield* this.#snapshot.neighbours();
    const lastRead = ({ items }: Group): number => items.reduce((last, item) => Math.max(last, item), 0);
    // Who was read last was born or ran last, and may be gone soonest.
    const groups = this.#groups.toSorted((a, b) => lastRead(b) - lastRead(a));
    this.#told = yield* this.#each(groups, (group) => this.#describeOne(group));
  }

  /** The same with other ends, and what else is on the inode. */
  *tell(): Steps<FoundFile[]> {
    const files = yield* this.#each(this.#groups, (group) => this.#tellOne(group));
    return [...files.values()].filter((file) => file !== undefined);
  }

  /** Does something with each group; with some of them again if anybody ran meanwhile who was taken to hold still. */
  *#each<T>(groups: readonly Group[], tell: (group: Group) => Steps<T>): Steps<Map<Group, T>> {
    const told = new Map<Group, T>();
    for (let i = 0, count = FIRST; i < groups.length; ) {
      yield i / groups.length;
      const [lost, unheld] = [this.#holding.lost.length, this.#ends?.unheld.length ?? 0];
      for (const group of groups.slice(i, i + count)) {
        yield;
        told.set(group, yield* tell(group));
      }
      if (this.#holding.heldStill()) {
        i += count;
        count = BETWEEN_CHECKS;
      } else {
        this.#holding.lost.length = lost;
        this.#ends?.forgetSince(unheld);
      }
    }
    return told;
  }

  /**
   * Whether the other end was found by now of what seemed to have none; all was looked at once more before.
   * @param isLast - whether these are told to change all the while, since it is the last time
   */
  *hasMore(isLast: boolean): Steps<boolean> {
    this.#holding.forget();
    const found = this.#ends === undefined ? [] : yield* this.#ends.findMore(this.#holding);
    if (!isLast) return found.length > 0;
    for (const otherEnd of found) Object.assign(otherEnd, RESTLESS);
    return false;
  }

  *#describeOne(group: Group): Steps<Told | undefined> {
    const told = yield* this.#describe(group);
    if (told !== undefined && !isSocketLink(told.subject.link)) told.otherEnd = yield* this.#endOf(group, told);
    return told;
  }

  *#tellOne(group: Group): Steps<FoundFile | undefined> {
    const told = this.#told.get(group);
    if (told === undefined) return undefined;
    const { subject, facts, holders } = told;
    const sameInode = this.#othersOf(group, subject, facts.flags[0]);
    const otherEnd = isSocketLink(subject.link) ? yield* this.#endOf(group, told) : told.otherEnd;
    const isConnection = facts.kind === 'socket' && otherEnd?.state === 'connected';
    const file: FoundFile = Object.assign(facts, { holders, sameInode, isConnection });
    if (otherEnd !== undefined) file.otherEnd = otherEnd;
    return file;
  }

  /** Undefined where it was not asked for. */
  *#endOf(group: Group, { subject, holders }: Told): Steps<OtherEnd | null | undefined> {
    if (this.#ends === undefined) return undefined;
    const asked = { subject, own: group.items, holders, alike: () => this.#alike(group).flatMap(({ items }) => items) };
    return yield* this.#ends.tell(asked, this.#holding);
  }

  /** All that is on its inode. */
  #alike(group: Group): readonly Group[] {
    return this.#neighbours.get(this.#snapshot.files.keyOf(group.items[0] as number)) ?? [group];
  }

  /** A socket that is known as one end is not looked up once more. */
  *find(pid: number, fd: number, ino: number): Pausing<FoundSocket> {
    const socket = this.#ends?.socketOf(socketLink(ino));
    return socket === undefined
      ? yield* this.#sockets.find(pid, fd, ino)
      : { protocol: undefined, socket, refusal: undefined };
  }

  /** By the first that still is what it was, best one of a task that has not run; undefined when none is. */
  *#describe({ items }: Group): Steps<Told | undefined> {
    const { files } = this.#snapshot;
    const isStill = (item: number): boolean => this.#holding.isStill(item);
    for (const item of items.length === 1 ? items : items.toSorted((a, b) => Number(isStill(b)) - Number(isStill(a)))) {
      const file = refAt(files, item);
      const link = this.#holding.linkOf(item);
      // Closed by now, it would get the kind of what takes its place.
      if (link === undefined) continue;
      const inode = this.#holding.statOf(item);
      const read = this.#holding.infoOf(item, link);
      const facts = yield* describeOpen(file, link, inode, this, read);
      if (!files.isOnInode(item, inode) || this.#holding.linkOf(item) !== link) continue;
      const { holders, lost } = this.#holding.describeAll(items, item, link, read);
      // What only others have is not to be told.
      if (!holders.some(({ pid }) => this.#own.has(pid))) continue;
      this.#holding.lost.push(...lost);
      return { subject: { file, link, inode }, facts, holders };
    }
    const own = items.map((item) => files.ids[item] as number).filter((id) => this.#own.has(id));
    this.#holding.lost.push(...own.map((id) => ({ id, isTold: false })));
    return undefined;
  }

  /** The other ends of a pipe share its inode, and are no second open. */
  #othersOf(group: Group, { file, link, inode }: SubjectFacts, access: string | undefined): Holder[] {
    const alike = this.#alike(group);
    const isFew = alike.length > 1 && alike.length <= FEW;
    if (!isFew || typeof inode === 'string' || isSocketLink(link) || saysNothing(link, inode)) return [];
    const isPipe = (inode.mode & S_IFMT) === S_IFIFO;
    const others: Holder[] = [];
    for (const { items } of alike.filter((one) => one.items !== group.items && one.isUntold === undefined)) {
      for (const item of items) {
        const holder = this.#holding.describe(item, file, this.#holding.linkOf(item) ?? null, false);
        const isEnd = isPipe && holder?.mode !== ACCESS[access ?? ''];
        if (holder !== undefined && !isEnd) others.push(holder);
      }
    }
    return others.sort((a, b) => a.pid - b.pid || a.fd - b.fd);
  }
}

const ACCESS: Readonly<Record<string, Holder['mode']>> = { rdonly: 'r', wronly: 'w', rdwr: 'rw', path: 'path' };
