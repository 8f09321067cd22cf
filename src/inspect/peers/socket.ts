/** An other end that is sockets: each is known by its inode, which the links of its descriptors name. */
import type { Holder } from '../../scan/holder.ts';
import type { Steps } from '../../scan/steps.ts';
import type { SubjectFacts } from '../holders/subject.ts';
import type { InetSocket, UnixSocket } from '../../util/socket.ts';
import { type Group, Peer, type PeerEnd, type PeerState, type Seen } from './peer.ts';
import type { Place, Places } from './places.ts';
import type { SocketTables } from './socket-tables.ts';

export const socketLink = (ino: number): string => `socket:[${ino}]`;

export abstract class SocketPeer extends Peer {
  /** The socket itself, where the tables have it. */
  own: UnixSocket | InetSocket | undefined;
  protected readonly subject: SubjectFacts;
  protected readonly tables: SocketTables;
  protected readonly places: Places;
  /** By link. */
  readonly #ends = new Map<string, Omit<PeerEnd, 'holders'>>();

  constructor(subject: SubjectFacts, tables: SocketTables) {
    super();
    this.subject = subject;
    this.tables = tables;
    this.places = tables.placesOf(subject.file.pid);
  }

  /** Finds out what there is, by {@link become} and {@link addEnd}. */
  protected abstract look(): Steps<void>;

  protected become(state: PeerState, reason?: string): void {
    this.state = state;
    this.reason = reason;
  }

  protected addEnd(ino: number, state: PeerState, name: string | null): void {
    const link = socketLink(ino);
    this.#ends.set(link, { link, name, state });
  }

  /** What nobody here has, such as a client on another machine. */
  protected addUnheld(state: PeerState, name: string): void {
    this.#ends.set(name, { link: null, name, state });
  }

  /** All namespaces, this one first; undefined is a pause. */
  protected *placesFrom(first: Place | undefined): Generator<Place | undefined> {
    if (first !== undefined) yield first;
    for (const place of this.places) if (place === undefined || place !== first) yield place;
  }

  protected override *ask(): Steps<string> {
    this.#ends.clear();
    this.name = null;
    this.own = undefined;
    this.become('unknown');
    yield* this.look();
    // The kernel lists them in no order.
    const ends = [...this.#ends].map(([key, { state }]) => `${key} ${state}`).sort();
    return [this.state, this.reason, this.name, ...ends].join();
  }

  override links(): string[] {
    return [...this.#ends.values()].flatMap(({ link }) => link ?? []);
  }

  override endAt(_pid: number, _fd: number, link: string | null): string | undefined {
    return link !== null && this.#ends.has(link) ? link : undefined;
  }

  override *tellEnds(seen: readonly Seen[], own: Holder[], _group: Group): Steps<PeerEnd[]> {
    // One inode is one description.
    return [...this.#ends.values()].map((end) => ({
      ...end,
      holders:
        end.link === this.subject.link ? own : seen.filter((one) => one.end === end.link).map(({ holder }) => holder),
    }));
  }
}
