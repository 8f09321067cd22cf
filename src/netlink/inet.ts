/**
 * TCP and UDP sockets, as the kernel lists them: by port, by inode, or the one that has both addresses.
 *
 * Sources: net/ipv4/inet_diag.c, net/ipv4/udp_diag.c; <linux/inet_diag.h>.
 */
import type { Pausing } from '../util/drain.ts';
import { addressWords, isV4, v6Text } from '../util/inet-address.ts';
import {
  type Endpoint,
  INET_TABLES,
  type InetProtocol,
  type InetSocket,
  type InetTable,
  type SocketState,
  stateBits,
} from '../util/socket.ts';
import { inetParser, writeAddresses, writeInterface, writePorts, writeTable } from './inet-message.ts';
import { type LookUp, type Refusal, refusal, type SockDiag, type WriteBody } from './sock-diag.ts';
import { ERRNO } from '../util/errno.ts';

const { ENOENT } = ERRNO;

const EVERY_STATE = 2 ** 32 - 1;
const NO_STATE = 0;
/** The interface `lo` of every network namespace, by which packets come to a socket of the same namespace. */
const LOOPBACK = 1;
const LISTS = 2;

/** What the kernel leaves out itself, so that a list of a port's sockets costs little on a machine with many. */
export interface InetFilter {
  states?: readonly SocketState[];
  localPort?: number;
  remotePort?: number;
}

/**
 * The sockets of a table, with a filter only those that pass it. One may be missing, or come twice, as
 * {@link SockDiag.dump} says.
 *
 * A TCP socket without a local port is in no table; one that is bound and nothing else is since Linux 6.8.
 */
export function* dumpInet(diag: SockDiag, table: InetTable, filter: InetFilter = {}): Pausing<InetSocket[] | Refusal> {
  const { states, localPort = 0, remotePort = 0 } = filter;
  const write: WriteBody = (request) => {
    writePorts(request, localPort, remotePort);
    return writeTable(request, table, states === undefined ? EVERY_STATE : stateBits(...states));
  };
  // The kernel forgets the ports where it lists what is only bound.
  const passes = (_: number, local: number, remote: number): boolean =>
    (localPort === 0 || local === localPort) && (remotePort === 0 || remote === remotePort);
  const sockets = yield* diag.dump(write, inetParser(table.protocol, passes));
  return typeof sockets === 'number' ? refusal(sockets) : sockets;
}

/** What the kernel finds for a packet: the socket that has both addresses, else who would get it. */
export interface InetMatch {
  socket: InetSocket;
  /** Its addresses are those asked for. Otherwise it is a listener, or a receiver that is not connected. */
  exact: boolean;
}

const isSame = (a: Endpoint, b: Endpoint): boolean => a.address === b.address && a.port === b.port;

/**
 * The socket with this local and this remote address. The question costs the same however many sockets there are.
 *
 * @param ifindex - the interface that the packet comes in by; a socket bound to another one is not found
 * @returns undefined when the namespace has none, nor anybody who would get the packet; also for what is no address
 */
export function* getInet(
  diag: SockDiag,
  protocol: InetProtocol,
  local: Endpoint,
  remote: Endpoint,
  ifindex: number = LOOPBACK,
): Pausing<InetMatch | undefined | Refusal> {
  const [from, to] = [addressWords(local.address), addressWords(remote.address)];
  if (from === undefined || to === undefined) return undefined;
  const table: InetTable = { protocol, family: isV4(from) && isV4(to) ? 4 : 6 };
  const write: WriteBody = (request) => {
    // udp_diag takes what a packet says, whose source is the remote side.
    const isPacket = protocol === 'udp';
    writePorts(request, isPacket ? remote.port : local.port, isPacket ? local.port : remote.port);
    writeAddresses(request, table.family, isPacket ? to : from, isPacket ? from : to);
    writeInterface(request, ifindex);
    return writeTable(request, table, EVERY_STATE);
  };
  const socket = diag.get(write, inetParser(protocol));
  if (typeof socket !== 'number') {
    const exact =
      isSame(socket.local, { address: v6Text(...from), port: local.port }) &&
      isSame(socket.remote, { address: v6Text(...to), port: remote.port });
    return { socket, exact };
  }
  return socket === -ENOENT && (yield* hasTable(diag, table)) ? undefined : refusal(socket);
}

/** A GET answers ENOENT without a handler too; a list of no state says so, and costs nothing. */
function* hasTable(diag: SockDiag, table: InetTable): Pausing<boolean> {
  const nothing = yield* diag.dump((request) => writeTable(request, table, NO_STATE), inetParser(table.protocol));
  return typeof nothing !== 'number';
}

/**
 * The TCP and UDP sockets with these inodes. The kernel cannot be asked for an inode, so tables are searched until all
 * are found, and once more for those that are not.
 *
 * @param tables - where they may be
 * @returns those that this namespace has; with a refusal there may be more
 */
export function* lookUpInet(
  diag: SockDiag,
  inos: Iterable<number>,
  tables: readonly InetTable[] = INET_TABLES,
): Pausing<LookUp<InetSocket>> {
  const found = new Map<number, InetSocket>();
  const missing = new Set(inos);
  missing.delete(0); // has many
  let refused: Refusal | undefined;
  for (let list = 0; list < LISTS; list++) {
    for (const table of tables) {
      if (missing.size === 0) return { found };
      const write: WriteBody = (request) => writeTable(request, table, EVERY_STATE);
      const sockets = yield* diag.dump(
        write,
        inetParser(table.protocol, (ino) => missing.has(ino)),
      );
      if (typeof sockets === 'number') refused = refusal(sockets);
      else for (const socket of sockets) found.set(socket.ino, socket), missing.delete(socket.ino);
    }
  }
  return refused === undefined || missing.size === 0 ? { found } : { found, refusal: refused };
}
