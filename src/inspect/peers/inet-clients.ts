/** Who waits to be accepted by a TCP listener: the sockets that are connected with its port, here or in another namespace. */
import { isRefusal } from '../../netlink/sock-diag.ts';
import { isLoopback } from '../../procfs/net/local-addresses.ts';
import type { Steps } from '../../scan/steps.ts';
import type { InetSocket } from '../../util/socket.ts';
import { addTo } from '../../util/multimap.ts';
import { keyOf } from './inet-tables.ts';
import type { Place } from './places.ts';
import type { SocketTables } from './socket-tables.ts';

/**
 * By {@link keyOf}: one list a namespace, however many wait.
 * @param waiting - the listener's ends of the connections
 * @param home - the listener's namespace, the first of the places; undefined among these is a pause
 */
export function* clientsOf(
  waiting: readonly InetSocket[],
  port: number,
  home: Place,
  places: Iterable<Place | undefined>,
  tables: SocketTables,
): Steps<Map<string, InetSocket[]>> {
  const clients = new Map<string, InetSocket[]>();
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
    if (isRefusal(list)) continue;
    for (const socket of list) {
      const key = keyOf(socket.local, socket.remote);
      if (wanted.has(key)) addTo(clients, key, socket);
    }
    if (place === home) for (const key of clients.keys()) atHome.add(key);
  }
  return clients;
}
