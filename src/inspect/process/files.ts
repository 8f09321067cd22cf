/** What a process has open, one open file description after the other: what it is, who else has it, and its other end. */
import { saysNothing } from '../../descriptions/same-inode.ts';
import { type FoundSocket, Sockets } from '../../netlink/sockets.ts';
import { statIno } from '../../procfs/fd.ts';
import { S_IFIFO, S_IFMT, S_IFSOCK } from '../../procfs/kind.ts';
import { isSocketLink } from '../../procfs/link.ts';
import { refAt } from '../../scan/columns.ts';
import type { Holder } from '../../scan/holder.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Pausing } from '../../util/drain.ts';
import type { SubjectFacts } from '../holders/subject.ts';
import { describeOpen, type FileFacts, readUnlessSlow, type SocketFinder } from '../open-file.ts';
import type { FoundFile } from '../open/files.ts';
import { RESTLESS } from '../peers.ts';
import type { Ends } from './ends.ts';
import { Holding } from './holding.ts';
import type { Group, Snapshot } from './snapshot.ts';
import { socketLink } from '../peers/socket.ts';

/** Of more descriptions on one inode it is not told of each which others there are. */
const FEW = 64;

/** A description as far as its own descriptors tell. */
interface Told {
  subject: SubjectFacts;
  facts: FileFacts;
  holders: Holder[];
}

export class ProcessFiles implements SocketFinder {
  readonly #snapshot: Snapshot;
  readonly #holding: Holding;
  readonly #groups: readonly Group[];
  readonly #ends: Ends | undefined;
  readonly #sockets: Sockets;
  /** The task of each descriptor that was another file by now. */
  readonly lost: number[] = [];

  constructor(snapshot: Snapshot, groups: readonly Group[], ends: Ends | undefined) {
    const { tables } = snapshot.scan;
    const { inos, modes } = snapshot.files;
    const leaders = groups.map(({ items }) => items[0] as number);
    const sockets = leaders.filter((item) => ((modes[item] as number) & S_IFMT) === S_IFSOCK);
    this.#groups = groups;
    this.#ends = ends;
    this.#snapshot = snapshot;
    this.#holding = new Holding(snapshot);
    this.#sockets = new Sockets(
      () => tables.map(({ id }) => id),
      sockets.map((item) => inos[item] as number),
    );
  }

  /** Whether all who have them are the same as they were. */
  areSame(): boolean {
    return this.#holding.areSame();
  }

  /** What was opened to look with. */
  close(): void {
    this.#holding.close();
    this.#sockets.close();
  }

  *tell(): Steps<FoundFile[]> {
    const files: FoundFile[] = [];
    const neighbours = yield* this.#snapshot.neighbours();
    for (const [i, group] of this.#groups.entries()) {
      yield i / this.#groups.length;
      const told = yield* this.#describe(group);
      if (told === undefined) continue;
      const alike = neighbours.get(this.#snapshot.files.keyOf(group.items[0] as number)) ?? [group];
      files.push(yield* this.#tellOne(group, told, alike));
    }
    return files;
  }

  /**
   * Whether the other end was found by now of what seemed to have none; all was looked at once more before.
   * @param isLast - whether these are told to change all the while, since it is the last time
   */
  *hasMore(isLast: boolean): Steps<boolean> {
    const found = this.#ends === undefined ? [] : yield* this.#ends.findMore(this.#holding);
    if (!isLast) return found.length > 0;
    for (const otherEnd of found) Object.assign(otherEnd, RESTLESS);
    return false;
  }

  *#tellOne({ items: own }: Group, { subject, facts, holders }: Told, alike: readonly Group[]): Steps<FoundFile> {
    const asked = { subject, own, holders, alike: () => alike.flatMap(({ items }) => items) };
    const otherEnd = this.#ends === undefined ? undefined : yield* this.#ends.tell(asked, this.#holding);
    return {
      ...facts,
      holders,
      sameInode: this.#othersOf(own, subject, alike, facts.flags[0]),
      ...(otherEnd === undefined ? {} : { otherEnd }),
      isConnection: facts.kind === 'socket' && otherEnd?.state === 'connected',
    };
  }

  /** A socket that is known as one end is not looked up once more. */
  *find(pid: number, fd: number, ino: number): Pausing<FoundSocket> {
    const socket = this.#ends?.socketOf(socketLink(ino));
    return socket === undefined
      ? yield* this.#sockets.find(pid, fd, ino)
      : { protocol: undefined, socket, refusal: undefined };
  }

  /** By the first that still is what it was; undefined when none is. */
  *#describe({ items }: Group): Steps<Told | undefined> {
    const { files } = this.#snapshot;
    for (const item of items) {
      const file = refAt(files, item);
      const link = this.#holding.linkOf(item);
      const inode = statIno(file.pid, file.fd);
      const read = readUnlessSlow(file, link);
      const facts = yield* describeOpen(file, link, inode, this, read);
      if (!files.isOnInode(item, inode) || this.#holding.linkOf(item) !== link) continue;
      const holders: Holder[] = [];
      for (const other of items) {
        const info = other === item && typeof read !== 'string' ? read : undefined;
        const holder = this.#holding.describe(other, file, link, true, info);
        if (holder === undefined) this.lost.push(files.ids[other] as number);
        else holders.push(holder);
      }
      if (holders.length > 0) return { subject: { file, link, inode }, facts, holders };
    }
    for (const item of items) this.lost.push(files.ids[item] as number);
    return undefined;
  }

  /** The other ends of a pipe share its inode, and are no second open. */
  #othersOf(
    own: readonly number[],
    { file, link, inode }: SubjectFacts,
    alike: readonly Group[],
    access: string | undefined,
  ): Holder[] {
    const isFew = alike.length > 1 && alike.length <= FEW;
    if (!isFew || typeof inode === 'string' || isSocketLink(link) || saysNothing(link, inode)) return [];
    const isPipe = (inode.mode & S_IFMT) === S_IFIFO;
    const others: Holder[] = [];
    for (const { items } of alike) {
      if (items === own) continue;
      for (const item of items) {
        const holder = this.#holding.describe(item, file, this.#holding.linkOf(item), false);
        const isEnd = isPipe && holder?.mode !== ACCESS[access ?? ''];
        if (holder !== undefined && !isEnd) others.push(holder);
      }
    }
    return others.sort((a, b) => a.pid - b.pid || a.fd - b.fd);
  }
}

const ACCESS: Readonly<Record<string, Holder['mode']>> = { rdonly: 'r', wronly: 'w', rdwr: 'rw', path: 'path' };
