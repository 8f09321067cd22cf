/**
 * Where an other end that is a socket is looked up: in the kernel, anew each time, or for many at once in what it listed
 * (listed-sockets.ts).
 */
import { isRefusal, type Refusal } from '../../netlink/sock-diag.ts';
import { dumpUnix, findSenders, getUnix } from '../../netlink/unix.ts';
import type { InetFilter } from '../../netlink/inet.ts';
import type { Pausing } from '../../util/drain.ts';
import type { Endpoint, InetProtocol, InetSocket, UnixSocket } from '../../util/socket.ts';
import { findInet, listInet, localAddressesOf, matchInet } from './inet-tables.ts';
import { askAt, type Place, Places } from './places.ts';

export interface SocketTables {
  /** The network namespaces, that of a task first. */
  placesOf(pid: number): Places;
  /** The socket of AF_UNIX with an inode; undefined when this namespace has none. */
  unix(place: Place, ino: number): Pausing<UnixSocket | undefined | Refusal>;
  /** Who listens and has this one among those that wait to be accepted. */
  listenerOf(place: Place, client: number): Pausing<UnixSocket | undefined>;
  /** Whose other end is this one. */
  senders(place: Place, ino: number): Pausing<Iterable<UnixSocket> | Refusal>;
  /** TCP or UDP: with an inode, with these addresses, or all that pass a filter. */
  find(place: Place, protocol: InetProtocol, ino: number): Pausing<InetSocket | undefined | Refusal>;
  match(
    place: Place,
    protocol: InetProtocol,
    local: Endpoint,
    remote: Endpoint,
  ): Pausing<InetSocket | undefined | Refusal>;
  list(place: Place, protocol: InetProtocol, filter: InetFilter): Pausing<InetSocket[] | Refusal>;
  /** The addresses of a namespace's own interfaces. */
  localAddresses(place: Place): ReadonlySet<string>;
}

export const KERNEL: SocketTables = {
  placesOf: (pid) => new Places(pid),
  unix: (place, ino) => askAt(place, (diag) => getUnix(diag, ino)),
  *listenerOf(place, client) {
    const sockets = yield* askAt(place, dumpUnix);
    if (isRefusal(sockets)) return undefined;
    for (const listener of sockets.values()) if (listener.icons?.includes(client) === true) return listener;
    return undefined;
  },
  *senders(place, ino) {
    const senders = yield* askAt(place, (diag) => findSenders(diag, new Set([ino])));
    return isRefusal(senders) ? senders : senders.values();
  },
  find: findInet,
  match: matchInet,
  list: listInet,
  localAddresses: localAddressesOf,
};
