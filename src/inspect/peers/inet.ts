/**
 * The other end of a TCP or UDP socket: the one with the mirrored addresses, an IPv4 address in an IPv6 one being the same.
 *
 *   connected     the mirror, in the same network namespace or another local one; with no inode nobody has it: it waits to
 *                 be accepted, or was closed and is not done
 *   listening     the mirrors of the connections that are not accepted yet
 *   UDP, bound    who is connected with it
 *   UDP, connected with one that is only bound: who gets what is sent to its address
 *
 * Loopback addresses mean something else in every namespace. Behind a translation of addresses, and on another machine,
 * there is no mirror.
 *
 * Sources: net/ipv4/inet_diag.c, net/ipv4/udp.c; tcp_states.h.
 */
import { isInUse } from '../../netlink/own-socket.ts';
import { isRefusal, type Refusal } from '../../netlink/sock-diag.ts';
import { inodeOf } from '../../procfs/link.ts';
import { isLoopback } from '../../procfs/net/local-addresses.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Endpoint, InetProtocol, InetSocket, SocketState } from '../../util/socket.ts';
import type { SubjectFacts } from '../holders/subject.ts';
import { isElsewhere, isLocal } from './inet-local.ts';
import { clientsOf, mirrorsOf, type Placed } from './inet-mirrors.ts';
import { keyOf, takersOf, takes } from './inet-tables.ts';
import { endName, farName } from './name.ts';
import type { PeerVia } from './peer.ts';
import { NOWHERE, type Place, whyRefused } from './places.ts';
import { SocketPeer } from './socket.ts';
import type { SocketTables } from './socket-tables.ts';

/** States of a connection that nobody has accepted yet. */
const WAITING: readonly SocketState[] = ['ESTABLISHED', 'CLOSE_WAIT', 'SYN_RECV'];

const UNANSWERED = 'its request to connect is not answered, as where the queue of the listener is full';
const UNLISTED = 'it is not connected, or of a network namespace that could not be seen';
const TRANSLATED = 'its address is one of this machine, where no socket is the mirror: it may be translated (NAT)';
const SEVERAL = 'sockets of several network namespaces have the mirrored addresses';
const ONE_OF_THESE = 'one of these has it, and nothing tells which';
const ELSEWHERE = 'its address is one of another network namespace, and nothing tells whether it leads there';

export class InetPeer extends SocketPeer {
  override readonly via: PeerVia = 'address';
  readonly #protocol: InetProtocol;
  /** Where the socket was found before, and as what. */
  #found: Placed | undefined;
  #refused: Refusal | undefined;

  constructor(subject: SubjectFacts, tables: SocketTables, protocol: InetProtocol) {
    super(subject, tables);
    this.#protocol = protocol;
  }

  protected override *look(): Steps<void> {
    this.#refused = undefined;
    const own = (this.#found = yield* this.#find(inodeOf(this.subject.link as string)));
    this.own = own?.socket;
    if (own === undefined) return this.#refused === undefined ? yield* this.#tellUnlisted() : this.#refuse();
    const { socket, place } = own;
    if (socket.state === 'LISTEN') return yield* this.#tellClients(socket, place);
    // Of a connection that was reset the address is left, and nothing else.
    const isConnected = socket.remote.port !== 0 && socket.state !== 'CLOSE';
    if (isConnected) return yield* this.#tellConnected(own);
    this.become('unconnected');
    if (this.#protocol === 'udp') yield* this.#addSenders(socket, place);
  }

  *#tellConnected(own: Placed): Steps<void> {
    const {
      socket: { local, remote, state },
      place,
    } = own;
    const mirrors = yield* mirrorsOf(own, this.#protocol, this.placesFrom(place), this.tables, (refusal) => {
      this.#refused ??= refusal;
    });
    if (mirrors === 'several') return this.become('unknown', SEVERAL);
    this.name = farName(this.#protocol, remote);
    const [mirror] = mirrors;
    if (mirror !== undefined && mirror.socket.ino > 0) {
      this.become('connected');
      return this.addEnd(mirror.socket.ino, 'connected', endName(mirror.socket));
    }
    if (mirror !== undefined && !WAITING.includes(mirror.socket.state)) return this.become('closed');
    const isAwaited = mirror !== undefined || state === 'SYN_SENT' || this.#protocol === 'udp';
    const isHere = isAwaited && (mirror !== undefined || isLocal(this.tables, remote, local, place));
    if (isHere) {
      yield* this.#tellTakers(remote, mirror ?? { place });
      if (state === 'SYN_SENT' && this.state === 'not-accepted') this.reason = UNANSWERED;
      return;
    }
    if (this.#refused !== undefined) return this.#refuse();
    // Who was last to go leaves nothing behind on a machine's own loopback.
    if (isLoopback(remote.address) && (state === 'CLOSE_WAIT' || state === 'LAST_ACK')) return this.become('closed');
    if (isLocal(this.tables, remote, local, place)) return this.become('unknown', TRANSLATED);
    const isOfAnother = yield* isElsewhere(this.tables, remote, place, this.placesFrom(place));
    if (isOfAnother) this.become('unknown', ELSEWHERE);
    else this.become('remote');
  }

  /** Not accepted yet, or UDP: who listens at an address, be it one of several. */
  *#tellTakers(to: Endpoint, { place, socket }: Pick<Placed, 'place'> & Partial<Placed>): Steps<void> {
    const isTcp = this.#protocol === 'tcp';
    const list = yield* this.tables.list(place, this.#protocol, {
      localPort: to.port,
      ...(isTcp ? { states: ['LISTEN'] } : {}),
    });
    if (isRefusal(list)) {
      this.#refused ??= list;
      return this.#refuse();
    }
    const takers = takersOf(isTcp ? list : list.filter(({ remote }) => remote.port === 0), to);
    // Who waits in a queue is one of those that a listener counts.
    const counting =
      socket === undefined || socket.state === 'SYN_RECV' ? [] : takers.filter(({ rqueue }) => rqueue > 0);
    if (takers.length === 0) return this.become('closed');
    const possible = counting.length > 0 ? counting : takers;
    this.become(isTcp ? 'not-accepted' : 'connected', possible.length > 1 ? ONE_OF_THESE : undefined);
    for (const taker of possible) this.addEnd(taker.ino, isTcp ? 'listening' : 'unconnected', endName(taker));
  }

  *#tellClients(listener: InetSocket, place: Place): Steps<void> {
    this.become('listening');
    if (listener.rqueue === 0) return;
    const list = yield* this.tables.list(place, 'tcp', { localPort: listener.local.port });
    if (isRefusal(list))
      return this.become('unknown', `who waits to be accepted could not be told: ${whyRefused(list)}`);
    const listeners = list.filter(({ state }) => state === 'LISTEN');
    if (listeners.some(({ ino, local }) => ino !== listener.ino && local.address === listener.local.address))
      this.become('listening', 'others listen at the same address: who waits may wait for one of them');
    const isOurs = (at: Endpoint): boolean => takersOf(listeners, at).some(({ ino }) => ino === listener.ino);
    const waiting = list.filter((one) => one.ino === 0 && WAITING.includes(one.state) && isOurs(one.local));
    const clients = yield* clientsOf(waiting, listener.local.port, place, this.placesFrom(place), this.tables);
    for (const one of waiting) {
      const [client, ...more] = clients.get(keyOf(one.remote, one.local)) ?? [];
      const isKnown = client !== undefined && client.ino > 0 && more.every(({ ino }) => ino === client.ino);
      if (isKnown) this.addEnd(client.ino, 'not-accepted', endName(client));
      else this.addUnheld('not-accepted', farName('tcp', one.remote));
    }
  }

  /** Who is connected with a UDP socket that is only bound. */
  *#addSenders(own: InetSocket, place: Place): Steps<void> {
    const list = yield* this.tables.list(place, 'udp', { remotePort: own.local.port });
    if (isRefusal(list))
      return this.become('unknown', `who is connected with it could not be told: ${whyRefused(list)}`);
    const senders = list.filter(
      ({ remote, local }) => takes(own, remote) && isLocal(this.tables, remote, local, place),
    );
    if (senders.length === 0) return;
    const near = yield* this.tables.list(place, 'udp', { localPort: own.local.port });
    const others = isRefusal(near) ? [own] : near;
    const connected = new Set(others.map(({ local, remote }) => keyOf(remote, local)));
    const bound = others.filter(({ remote }) => remote.port === 0);
    for (const sender of senders) {
      // What is connected with it, or bound to the very address, gets it before this one.
      const takers = takersOf(bound, sender.remote);
      if (connected.has(keyOf(sender.local, sender.remote)) || !takers.some(({ ino }) => ino === own.ino)) continue;
      this.become('connected', takers.length > 1 ? ONE_OF_THESE : undefined);
      this.addEnd(sender.ino, 'connected', endName(sender));
    }
  }

  *#find(ino: number): Steps<Placed | undefined> {
    const known = this.#found;
    if (known !== undefined && known.socket.remote.port !== 0) {
      const { socket, place } = known;
      const again = yield* this.tables.match(place, this.#protocol, socket.local, socket.remote);
      if (again !== undefined && !isRefusal(again) && again.ino === ino) return { socket: again, place };
    }
    for (const place of this.placesFrom(known?.place)) {
      yield;
      if (place === undefined) continue;
      const socket = yield* this.tables.find(place, this.#protocol, ino);
      if (isRefusal(socket)) this.#refused ??= socket;
      else if (socket !== undefined) return { socket, place };
    }
    return undefined;
  }

  /** The kernel lists none that is neither bound nor connected; and none of a namespace that could not be seen. */
  *#tellUnlisted(): Steps<void> {
    const { pid, fd } = this.subject.file;
    const inUse = pid === process.pid ? isInUse(fd) : undefined;
    if (inUse === true) this.become('unknown', NOWHERE);
    else if (inUse === undefined && (yield* this.places.areMore())) this.become('unknown', UNLISTED);
    else this.become('unconnected');
  }

  #refuse(): void {
    this.become('unknown', this.#refused === undefined ? undefined : whyRefused(this.#refused));
  }
}
