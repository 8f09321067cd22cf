/**
 * What goes to the kernel and comes back about TCP and UDP sockets. Addresses become text once for all of a list: most of them are
 * the same few.
 *
 * Source: <linux/inet_diag.h>.
 */
import { type AddressWords, v4Text, v6Text } from '../util/inet-address.ts';
import { type InetProtocol, type InetSocket, type InetTable, stateName } from '../util/socket.ts';
import { aligned, attributeEnd } from './messages.ts';
import { BODY, type ParseBody } from './sock-diag.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const PROTOCOLS: Readonly<Record<InetProtocol, number>> = { tcp: 6, udp: 17 };
const MAPPED = 0xffff;

/** struct inet_diag_req_v2: u8 family, protocol, extensions, padding; u32 states; the socket's identity. */
export const REQUEST = 56;
/** struct inet_diag_sockid, in network order but for the last three: u16 ports, u32[4] addresses, u32 interface, u32[2] cookie. */
const REQUEST_ID = BODY + 8;
/** struct inet_diag_msg: u8 family, state, timer, retransmissions; the identity; five u32. */
const MESSAGE = 72;

/** INET_DIAG_ attributes, which come without being asked for. */
const SHUTDOWN = 8;
const SKV6ONLY = 11;

/** Writes a request without an identity: all of the table in these states, given as bits. */
export function writeTable(request: DataView, { protocol, family }: InetTable, states: number): number {
  request.setUint8(BODY, family === 4 ? AF_INET : AF_INET6);
  request.setUint8(BODY + 1, PROTOCOLS[protocol]);
  request.setUint32(BODY + 4, states, true);
  request.setInt32(REQUEST_ID + 40, -1, true); // no cookie
  request.setInt32(REQUEST_ID + 44, -1, true);
  return REQUEST;
}

/** 0 is any port. */
export function writePorts(request: DataView, source: number, target: number): void {
  request.setUint16(REQUEST_ID, source);
  request.setUint16(REQUEST_ID + 2, target);
}

/** Addresses of the request's family: of IPv4 ones the last word stands first. */
export function writeAddresses(request: DataView, family: 4 | 6, source: AddressWords, target: AddressWords): void {
  for (const [at, words] of [
    [REQUEST_ID + 4, source],
    [REQUEST_ID + 20, target],
  ] as const)
    for (let i = 0, from = family === 4 ? 3 : 0; from + i < 4; i++)
      request.setUint32(at + 4 * i, words[from + i] as number);
}

export const writeInterface = (request: DataView, ifindex: number): void =>
  request.setUint32(REQUEST_ID + 36, ifindex, true);

class AddressReader {
  readonly #v4 = new Map<number, string>();

  read(view: DataView, at: number, family: number): string {
    if (family === AF_INET) return this.#v4Text(view.getUint32(at));
    const [a, b, c, d] = [view.getUint32(at), view.getUint32(at + 4), view.getUint32(at + 8), view.getUint32(at + 12)];
    return a === 0 && b === 0 && c === MAPPED ? this.#v4Text(d) : v6Text(a, b, c, d);
  }

  #v4Text(word: number): string {
    let text = this.#v4.get(word);
    if (text === undefined) this.#v4.set(word, (text = v4Text(word)));
    return text;
  }
}

/** Makes sockets of messages; undefined becomes what is cut off or not wanted. */
export function inetParser(
  protocol: InetProtocol,
  isWanted?: (ino: number, localPort: number, remotePort: number) => boolean,
): ParseBody<InetSocket> {
  const addresses = new AddressReader();
  return (view, start, end) => {
    if (end - start < MESSAGE) return undefined;
    const ino = view.getUint32(start + 68, true);
    const localPort = view.getUint16(start + 4);
    const remotePort = view.getUint16(start + 6);
    if (isWanted !== undefined && !isWanted(ino, localPort, remotePort)) return undefined;
    const family = view.getUint8(start);
    const socket: InetSocket = {
      ino,
      protocol,
      family: family === AF_INET ? 4 : 6,
      state: stateName(view.getUint8(start + 1)),
      local: { address: addresses.read(view, start + 8, family), port: localPort },
      remote: { address: addresses.read(view, start + 24, family), port: remotePort },
      rqueue: view.getUint32(start + 56, true),
      wqueue: view.getUint32(start + 60, true),
      uid: ino === 0 ? undefined : view.getUint32(start + 64, true),
      ifindex: view.getUint32(start + 40, true),
      shutdown: undefined,
      v6only: undefined,
    };
    for (let at = start + MESSAGE, next: number; (next = attributeEnd(view, at, end)) > 0; at = aligned(next)) {
      if (next === at + 4) continue;
      const type = view.getUint16(at + 2, true);
      if (type === SHUTDOWN) socket.shutdown = view.getUint8(at + 4);
      else if (type === SKV6ONLY) socket.v6only = view.getUint8(at + 4) !== 0;
    }
    return socket;
  };
}
