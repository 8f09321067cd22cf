/**
 * Sockets with mirrored addresses: the other end of a connection, and who waits to be accepted by a listener. In the same
 * network namespace these are one connection. In another one they may be a connection that is but alike, as where two
 * networks of containers have equal addresses.
 */
import { isRefusal, type Refusal } from '../../netlink/sock-diag.ts';
import { isLoopback } from '../../procfs/net/local-addresses.ts';
import type { Steps } from '../../scan/steps.ts';
import type { InetProtocol, InetSocket, SocketState } from '../../util/socket.ts';
import { addTo } from '../../util/multimap.ts';
import { keyOf } from './inet-tables.ts';
import type { Place } from './places.ts';
import type { SocketTables } from './socket-tables.ts';

/** A socket, and where it was found. */
export interface Placed {
  socket: InetSocket;
  place: Place;
}

/** Who has got the end of a stream, or its answer: the other end has left this state. */
const ENDED: ReadonlySet<SocketState> = new Set(['CLOSE_WAIT', 'LAST_ACK', 'FIN_WAIT2']);
const fits = (a: SocketState, b: SocketState): boolean =>
  !(ENDED.has(a) && b === 'ESTABLISHED') && !(ENDED.has(b) && a === 'ESTABLISHED');

/**
 * The sockets that may be the other end: that of this namespace, or else those of all others, where addresses that are not
 * loopback's mean the same. 'several' when another one has the addresses of the socket itself.
 * @param places - the first is that of the socket; undefined among these is a pause
 * @param onRefused - told of a namespace that could not be asked
 */
export function* mirrorsOf(
  { socket: { local, remote, state }, place }: Placed,
  protocol: InetProtocol,
  places: Iterable<Place | undefined>,
  tables: SocketTables,
  onRefused: (refusal: Refusal) => void,
): Steps<Placed[] | 'several'> {
  const found: Placed[] = [];
  const isNear = isLoopback(local.address) || isLoopback(remote.address);
  let hasTwin = false;
  for (const at of isNear ? [place] : places) {
    yield;
    if (at === undefined) continue;
    const socket = yield* tables.match(at, protocol, remote, local);
    if (isRefusal(socket)) onRefused(socket);
    else if (socket !== undefined && at === place) return [{ socket, place }];
    else if (socket !== undefined && fits(state, socket.state)) found.push({ socket, place: at });
    const twin = at === place ? undefined : yield* tables.match(at, protocol, local, remote);
    hasTwin ||= twin !== undefined && !isRefusal(twin);
  }
  return found.length > 1 || (found.length > 0 && hasTwin) ? 'several' : found;
}

/**
 * By {@link keyOf}: who waits to be accepted by a TCP listener, one list a namespace, however many wait. Left out is who
 * may wait for another one with these addresses.
 * @param waiting - the listener's ends of the connections
 * @param home - the listener's namespace
 */
export function* clientsOf(
  waiting: readonly InetSocket[],
  port: number,
  home: Place,
  places: Iterable<Place | undefined>,
  tables: SocketTables,
): Steps<Map<string, InetSocket[]>> {
  const clients = new Map<string, InetSocket[]>();
  const twins = new Set<string>();
  const atHome = new Set<string>();
  for (const place of places) {
    yield;
    if (place === undefined) continue;
    // Who was found at home is not sought elsewhere, where only addresses that are not loopback's mean the same.
    const wanted = new Set(
      waiting
        .filter(({ local }) => place === home || !isLoopback(local.address))
        .map(({ local, remote }) => keyOf(remote, local))
        .filter((key) => !atHome.has(key)),
    );
    if (wanted.size === 0) continue;
    const list = yield* tables.list(place, 'tcp', { remotePort: port });
    for (const socket of isRefusal(list) ? [] : list) {
      const key = keyOf(socket.local, socket.remote);
      if (wanted.has(key)) addTo(clients, key, socket);
    }
    if (place === home) for (const key of clients.keys()) atHome.add(key);
    const alike = place === home ? [] : yield* tables.list(place, 'tcp', { localPort: port });
    for (const { local, remote } of isRefusal(alike) ? [] : alike) twins.add(keyOf(remote, local));
  }
  for (const key of twins) if (!atHome.has(key)) clients.delete(key);
  return clients;
}
