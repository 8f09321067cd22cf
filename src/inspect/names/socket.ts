/** What people call a socket: its protocol, its addresses or its name, and its state. Pure. */
import { type FoundSocket, isInetSocket } from '../../netlink/sockets.ts';
import type { Endpoint, InetSocket, SocketState, UnixListing } from '../../util/socket.ts';

/** `127.0.0.1:80`, `[::1]:80`. */
export const endpoint = ({ address, port }: Endpoint): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`;

/** `close-wait`, and for LISTEN what it does. */
const stateWord = (state: SocketState): string =>
  state === 'LISTEN'
    ? 'listening'
    : state === 'CLOSE'
      ? 'unconnected'
      : state.toLowerCase().replaceAll(/_|(?=\d)/g, '-');

function inetName(protocol: string, { state, local, remote, protocol: kind }: InetSocket): string {
  const peer = remote.port === 0 ? [] : ['->', endpoint(remote)];
  const own = local.port === 0 && peer.length === 0 ? [] : [endpoint(local), ...peer];
  // A datagram socket has no state that says more than its addresses, but for having none.
  const words = kind === 'tcp' || own.length === 0 ? [stateWord(state)] : [];
  return [protocol, ...own, ...words].join(' ');
}

function unixName({ type, state, name }: UnixListing): string {
  // Of a connection the ordinary state is not told, and of a datagram socket the kernel does not tell it.
  const words = type === 'dgram' || state === 'ESTABLISHED' ? [] : [stateWord(state)];
  // Whoever binds all of a struct sockaddr_un pads an abstract name.
  const own = name === undefined ? [] : [name.replace(/\0+$/, '')];
  return ['unix', ...(type === 'unknown' ? [] : [type]), ...own, ...words].join(' ');
}

/** `NETLINK`, `AF_VSOCK`, `UDPLITEv6`: the kernel's own names are various. The address tells the family. */
const protocolWord = (protocol: string): string => protocol.replace(/^AF_|v6$/g, '').toLowerCase();

/**
 * `tcp 127.0.0.1:80 listening`, `tcp 127.0.0.1:4711 -> 127.0.0.1:80 established`, `udp 0.0.0.0:53`, `unix stream @name`,
 * `unix stream /run/x.sock listening`, `netlink`; null where too little is known of it.
 */
export function socketName({ protocol, socket, refusal }: FoundSocket): string | null {
  if (isInetSocket(socket)) return inetName(protocolWord(protocol ?? socket.protocol), socket);
  if (socket !== undefined) return unixName(socket);
  // One that is in no table has no address. One of a table that was not seen may have any.
  return protocol === undefined || refusal !== undefined ? null : protocolWord(protocol).replace('-', ' ');
}
