/** Whether what is sent to an address stays on this machine: in a network namespace, or perhaps in another one here. */
import { isLoopback } from '../../procfs/net/local-addresses.ts';
import type { Pausing } from '../../util/drain.ts';
import type { Endpoint } from '../../util/socket.ts';
import type { Place } from './places.ts';
import type { SocketTables } from './socket-tables.ts';

/** Whether what is sent there by somebody in a namespace stays in it. */
export const isLocal = (tables: SocketTables, to: Endpoint, from: Endpoint, place: Place): boolean =>
  isLoopback(to.address) || to.address === from.address || tables.localAddresses(place).has(to.address);

/** Whether another namespace here has an address, which may lead there, or to another machine that has the same. */
export function* isElsewhere(
  tables: SocketTables,
  { address }: Endpoint,
  home: Place,
  places: Iterable<Place | undefined>,
): Pausing<boolean> {
  for (const place of places) {
    yield;
    if (place !== undefined && place !== home && tables.localAddresses(place).has(address)) return true;
  }
  return false;
}
