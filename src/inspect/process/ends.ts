/**
 * The other ends of all that a process has open, found in one snapshot of the machine: what to look for each kind tells as
 * it does for one descriptor, but the kernel's lists of sockets are read once for all, and who may be at an end is looked
 * up by inode or number.
 */
import { isRefusal } from '../../netlink/sock-diag.ts';
import { S_IFSOCK } from '../../procfs/kind.ts';
import { inodeOf } from '../../procfs/link.ts';
import { refAt } from '../../scan/columns.ts';
import type { Holder } from '../../scan/holder.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Table } from '../../scan/tables.ts';
import type { InetSocket, UnixSocket } from '../../util/socket.ts';
import { type Aloft, lookAloft } from '../elsewhere/aloft.ts';
import type { SubjectFacts } from '../holders/subject.ts';
import { type OtherEnd, RESTLESS, tellOtherEnd } from '../peers.ts';
import { peerOf } from '../peers/kinds.ts';
import { ListedSockets } from '../peers/listed-sockets.ts';
import type { Peer, Seen } from '../peers/peer.ts';
import { PipePeer } from '../peers/pipe.ts';
import { SocketPeer } from '../peers/socket.ts';
import { UnixPeer } from '../peers/unix.ts';
import { Candidates } from './candidates.ts';
import type { Holding } from './holding.ts';
import type { Snapshot } from './snapshot.ts';

/** A file whose other end is sought. */
export interface AskedEnd {
  subject: SubjectFacts;
  /** Its items. */
  own: readonly number[];
  /** All items on its inode. */
  alike: () => readonly number[];
  holders: Holder[];
}

export class Ends {
  readonly #snapshot: Snapshot;
  readonly #listed = new ListedSockets();
  /** Of sockets, by link. */
  readonly #peers = new Map<string, Peer | undefined>();
  #aloft: Aloft | undefined;
  #candidates: Candidates;
  /** What nobody was found to be the other end of, of which the kernel says nothing. */
  readonly unheld: Array<{ peer: Peer; asked: AskedEnd; told?: OtherEnd }> = [];
  /** Of pipes: whoever has the same end of one has the same other end. */
  readonly #pipes = new Map<string, OtherEnd>();

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.#candidates = new Candidates(snapshot);
  }

  /** Before anything is told of what was looked at anew. */
  renew(): void {
    this.#aloft = undefined;
    this.#candidates = new Candidates(this.#snapshot);
    this.forgetSince(0);
  }

  /** Asks about all sockets anew: whether something else than before is at an end of any. */
  *hasMoved(): Steps<boolean> {
    this.#listed.forget();
    let hasMoved = false;
    for (const subject of yield* this.#snapshot.sockets()) {
      const link = subject.link as string;
      const isKnown = this.#peers.has(link);
      const peer = isKnown ? this.#peers.get(link) : yield* this.#peerOf(subject);
      this.#peers.set(link, peer);
      if (peer !== undefined && (yield* peer.hasMoved())) hasMoved = true;
      if (!isKnown) hasMoved = true;
    }
    const links = [...this.#peers.values()].flatMap((peer) => peer?.links() ?? []);
    this.#snapshot.ends = new Set(links.map(inodeOf));
    return hasMoved;
  }

  /** Forgets what was told since so many were unheld. */
  forgetSince(unheld: number): void {
    this.unheld.length = unheld;
    this.#pipes.clear();
  }

  /** Most sockets are of AF_UNIX, which their list tells: to ask each for its protocol takes eight calls. */
  *#peerOf(subject: SubjectFacts): Steps<Peer | undefined> {
    const [place] = this.#listed.placesOf(subject.file.pid);
    const socket = place && (yield* this.#listed.unix(place, inodeOf(subject.link as string)));
    const isUnix = socket !== undefined && !isRefusal(socket);
    return isUnix ? new UnixPeer(subject, this.#listed) : peerOf(subject, this.#listed);
  }

  /** The socket with a link, where it was found as one end: it need not be looked up once more. */
  socketOf(link: string): UnixSocket | InetSocket | undefined {
    const peer = this.#peers.get(link);
    return peer instanceof SocketPeer ? peer.own : undefined;
  }

  /** The other end of a file; null when it has none. */
  *tell(asked: AskedEnd, holding: Holding): Steps<OtherEnd | null> {
    const { holders } = asked;
    const subject = { ...asked.subject, mode: holders[0]?.mode };
    const link = subject.link ?? '';
    const known = this.#peers.get(link);
    const peer = known ?? (this.#peers.has(link) ? undefined : peerOf(subject, this.#listed));
    // What gives no access to a file is an end of nothing.
    if (peer === undefined || subject.mode === 'path') return null;
    if (known === undefined) yield* peer.hasMoved();
    const key =
      peer instanceof PipePeer && subject.mode !== 'rw' ? `${link} ${subject.mode} ${keyOf(subject)}` : undefined;
    const same = key === undefined ? undefined : this.#pipes.get(key);
    if (same !== undefined) return same;
    const seen = yield* this.#seenAt(peer, asked, holding);
    const count = this.unheld.length;
    const lookLater = (): Steps<boolean> => this.#lookLater(peer, asked);
    const told = yield* tellOtherEnd(peer, this.#snapshot.scan, seen, holders, lookLater, () => this.#findAloft());
    const end = told ?? { name: peer.name, via: peer.via, ...RESTLESS };
    for (const one of this.unheld.slice(count)) one.told = end;
    if (key !== undefined) this.#pipes.set(key, end);
    return end;
  }

  /** The other ends that nobody had and somebody has by now; all is to be looked at once more before. */
  *findMore(holding: Holding): Steps<OtherEnd[]> {
    const found: OtherEnd[] = [];
    this.#candidates = new Candidates(this.#snapshot);
    const neighbours = yield* this.#snapshot.neighbours();
    for (const { peer, asked, told } of this.unheld) {
      const groups = neighbours.get(this.#snapshot.files.keyOf(asked.own[0] as number)) ?? [];
      const now = { ...asked, alike: () => groups.flatMap(({ items }) => items) };
      for (const item of yield* this.#candidates.of(peer, now.alike))
        if (told !== undefined && this.#endAt(peer, now, item, holding) !== undefined) found.push(told);
    }
    return found;
  }

  *#lookLater(peer: Peer, asked: AskedEnd): Steps<boolean> {
    this.unheld.push({ peer, asked });
    yield;
    return false;
  }

  /** Only a socket or an io_uring instance may have anything. */
  *#findAloft(): Steps<Aloft> {
    if (this.#aloft !== undefined) return this.#aloft;
    const { files, scan } = this.#snapshot;
    const tables: Table[] = [];
    for (const table of scan.tables) {
      const items = yield* this.#snapshot.itemsOfType([table], S_IFSOCK, 0);
      tables.push({ ...table, fds: items.map((item) => files.fds[item] as number) });
    }
    return (this.#aloft = yield* lookAloft({ tables, account: scan.account }));
  }

  *#seenAt(peer: Peer, asked: AskedEnd, holding: Holding): Steps<Seen[]> {
    const { files } = this.#snapshot;
    const seen: Seen[] = [];
    for (const item of yield* this.#candidates.of(peer, asked.alike)) {
      yield;
      const found = this.#endAt(peer, asked, item, holding);
      if (found === undefined) continue;
      const ref = refAt(files, item);
      const holder = holding.describe(item, asked.subject.file, found.link, false);
      if (holder === undefined) holding.lost.push({ id: ref.pid, isTold: false });
      else if (holder.mode !== 'path') seen.push({ ...ref, end: found.end, holder });
    }
    return seen;
  }

  #endAt(
    peer: Peer,
    { subject: { file, link }, own }: AskedEnd,
    item: number,
    holding: Holding,
  ): { end: string; link: string | null } | undefined {
    if (own.includes(item)) return undefined;
    const { pid, fd } = refAt(this.#snapshot.files, item);
    const now = holding.linkOf(item) ?? null;
    const isOnInode = peer instanceof PipePeer && (link?.startsWith('/') === true || now === link);
    const mode = isOnInode ? holding.modeOf(item, file) : undefined;
    const end = peer.endAt(pid, fd, now, isOnInode, mode);
    return end === undefined ? undefined : { end, link: now };
  }
}

const keyOf = ({ inode }: SubjectFacts): string => (typeof inode === 'string' ? '' : `${inode.dev} ${inode.ino}`);
