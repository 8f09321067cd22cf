/**
 * The other end of a socket of AF_UNIX, as the kernel names it:
 *
 *   peer N            connected with N, which is known wherever it is; of a datagram socket that is the receiver
 *   peer 0            closed, or it waits to be accepted: then a listener has it among those that wait
 *   no peer, LISTEN   who waits to be accepted
 *   no peer           unconnected; of a datagram socket others may be connected with it, of which it knows nothing
 *
 * Sources: net/unix/af_unix.c, net/unix/diag.c.
 */
import { isRefusal, type Refusal } from '../../netlink/sock-diag.ts';
import { inodeOf } from '../../procfs/link.ts';
import { readUnixListing } from '../../procfs/net.ts';
import type { Steps } from '../../scan/steps.ts';
import { RCV_SHUTDOWN, SEND_SHUTDOWN, type UnixSocket } from '../../util/socket.ts';
import { endName } from './name.ts';
import type { PeerVia } from './peer.ts';
import { isGone, NOWHERE, type Place, whyRefused } from './places.ts';
import { SocketPeer } from './socket.ts';

const BOTH = RCV_SHUTDOWN | SEND_SHUTDOWN;
/** So often one that is accepted while its listener is sought is looked at again. */
const ATTEMPTS = 3;

/** A socket, and where it was found. */
interface Found {
  socket: UnixSocket;
  place: Place;
}

export class UnixPeer extends SocketPeer {
  override readonly via: PeerVia = 'kernel';
  /** Where the socket was found before. */
  #place: Place | undefined;

  protected override *look(): Steps<void> {
    const ino = inodeOf(this.subject.link as string);
    for (let attempt = 1; ; attempt++) {
      const own = yield* this.#find(ino);
      if (own === undefined) return this.become('unknown', NOWHERE);
      if (isRefusal(own)) return this.#tellListed(ino, own);
      this.#place = own.place;
      this.own = own.socket;
      if (yield* this.#tell(own)) return;
      if (attempt === ATTEMPTS) return this.become('unknown', 'which listener it waits for could not be told');
    }
  }

  *#tell({ socket, place }: Found): Steps<boolean> {
    const { type, peer, state } = socket;
    const isDatagram = type === 'dgram';
    if (peer === 0 && !isDatagram) return yield* this.#tellWaiting(socket);
    if (state === 'LISTEN' && !isDatagram) this.#tellClients(socket);
    else if (peer === undefined) this.become('unconnected');
    else if (peer === 0) this.become('closed');
    else {
      this.become('connected');
      yield* this.#addPeer(peer, socket);
    }
    if (isDatagram) yield* this.#addSenders(socket, place);
    return true;
  }

  *#addPeer(peer: number, { type }: UnixSocket): Steps<void> {
    const found = yield* this.#find(peer);
    const known =
      found === undefined || isRefusal(found)
        ? { ino: peer, type, name: undefined, state: 'ESTABLISHED' as const }
        : found.socket;
    this.addEnd(peer, 'connected', endName(known));
  }

  #tellClients({ type, icons, rqueue }: UnixSocket): void {
    if (icons === undefined)
      return this.become('unknown', `${rqueue} clients wait to be accepted, more than the kernel names`);
    // One that closed while it waited is counted on, and has no inode.
    const waiting = icons.filter((ino) => ino > 0);
    const closed = icons.length - waiting.length;
    this.become('listening', closed > 0 ? `${closed} closed before being accepted` : undefined);
    for (const ino of waiting)
      this.addEnd(ino, 'not-accepted', endName({ ino, type, name: undefined, state: 'ESTABLISHED' }));
  }

  /** Closed, or not accepted yet; false when it is neither any more. */
  *#tellWaiting({ ino, shutdown }: UnixSocket): Steps<boolean> {
    for (const place of this.placesFrom(this.#place)) {
      yield;
      if (place === undefined) continue;
      const listener = yield* this.tables.listenerOf(place, ino);
      if (listener === undefined) continue;
      this.become('not-accepted');
      this.addEnd(listener.ino, 'listening', endName(listener));
      return true;
    }
    if (((shutdown ?? 0) & BOTH) !== BOTH) return false;
    this.become('closed');
    return true;
  }

  /** Who sends to a datagram socket: from anywhere to a path, from its own namespace to an abstract name. */
  *#addSenders({ ino, name, vfs }: UnixSocket, home: Place): Steps<void> {
    if (name === undefined) return;
    let refused: Refusal | undefined;
    for (const place of vfs === undefined ? [home] : this.placesFrom(this.#place)) {
      yield;
      if (place === undefined) continue;
      const senders = yield* this.tables.senders(place, ino);
      if (isRefusal(senders)) {
        if (!isGone(senders)) refused ??= senders;
        continue;
      }
      for (const sender of senders) {
        this.become('connected');
        this.addEnd(sender.ino, 'connected', endName(sender));
      }
    }
    if (refused === undefined) return;
    // Where nobody was found, somebody may be connected with it all the same.
    const isFound = this.state === 'connected';
    this.become(isFound ? 'connected' : 'unknown', `not all who send to it may be known: ${whyRefused(refused)}`);
  }

  /** Undefined when no namespace has it; a refusal when one that could not be asked may. */
  *#find(ino: number): Steps<Found | Refusal | undefined> {
    let refused: Refusal | undefined;
    for (const place of this.placesFrom(this.#place)) {
      yield;
      if (place === undefined) continue;
      const socket = yield* this.tables.unix(place, ino);
      if (socket === undefined) continue;
      if (!isRefusal(socket)) return { socket, place };
      if (refused === undefined || socket.refused !== 'no-namespace') refused = socket;
    }
    return refused;
  }

  /** Without netlink only a list is to be had, which does not tell who is connected with whom. */
  #tellListed(ino: number, refused: Refusal): void {
    const sockets = readUnixListing(this.subject.file.pid);
    const own = typeof sockets === 'string' ? undefined : sockets.find((socket) => socket.ino === ino);
    const why = whyRefused(refused);
    if (own === undefined || own.type === 'dgram') this.become('unknown', why);
    else if (own.state === 'LISTEN') this.become('unknown', `who waits to be accepted could not be told: ${why}`);
    else if (own.state === 'CLOSE') this.become('unconnected');
    else this.become('unknown', why);
  }
}
