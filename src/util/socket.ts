/**
 * What is known of a socket, whoever told it: the kernel by netlink, or a file of /proc/PID/net, which tells less. Pure.
 *
 * Source: include/net/tcp_states.h, whose states unix and UDP sockets have too; __SO_ACCEPTCON and others of <linux/net.h>.
 */

export type SocketState =
  | 'ESTABLISHED'
  | 'SYN_SENT'
  | 'SYN_RECV'
  | 'FIN_WAIT1'
  | 'FIN_WAIT2'
  | 'TIME_WAIT'
  | 'CLOSE'
  | 'CLOSE_WAIT'
  | 'LAST_ACK'
  | 'LISTEN'
  | 'CLOSING'
  | 'UNKNOWN';

// By number. The last two are told as SYN_RECV and CLOSE by kernels that have them: a connection that is no
// socket yet (NEW_SYN_RECV), and a TCP socket that is bound and nothing else (BOUND_INACTIVE).
const STATES: readonly SocketState[] = [
  'UNKNOWN',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
  'SYN_RECV',
  'CLOSE',
];

export const stateName = (number: number): SocketState => STATES[number] ?? 'UNKNOWN';

/** States as the bits of a request. */
export const stateBits = (...states: SocketState[]): number =>
  states.reduce((bits, state) => bits | (1 << STATES.indexOf(state)), 0);

const UNIX_TYPES: ReadonlyMap<number, UnixListing['type']> = new Map([
  [1, 'stream'],
  [2, 'dgram'],
  [5, 'seqpacket'],
]);

/** The name of a SOCK_ number. */
export const unixType = (number: number): UnixListing['type'] => UNIX_TYPES.get(number) ?? 'unknown';

/** Bits of `shutdown`, as shutdown(2) has set them on this side, or a close of the other end did. */
export const RCV_SHUTDOWN = 1;
export const SEND_SHUTDOWN = 2;

/** A socket of AF_UNIX, as far as /proc/PID/net/unix tells. */
export interface UnixListing {
  ino: number;
  type: 'stream' | 'dgram' | 'seqpacket' | 'unknown';
  /**
   * LISTEN, ESTABLISHED when connected, else CLOSE. Of a datagram socket it says little: before Linux 5.15 it is always CLOSE, and
   * since then a receiver is ESTABLISHED once anybody was connected with it.
   */
  state: SocketState;
  /**
   * As it was bound, which may be a relative path. An abstract name begins with `@` and may hold NUL: of two
   * sockets named `@x` the one with `vfs` is a path.
   */
  name: string | undefined;
}

/** A socket of AF_UNIX, as netlink tells. */
export interface UnixSocket extends UnixListing {
  /**
   * The file of a path, also when that is unlinked: the lower 32 bits of its inode number, and its device as the
   * kernel has it, `major << 20 | minor`.
   */
  vfs: { ino: number; dev: number } | undefined;
  /**
   * The other end. 0 is one without an inode: of a stream it was closed, or is not accepted yet, which `shutdown` tells.
   * Undefined: there is none.
   */
  peer: number | undefined;
  /** Of a listener: the clients that are not accepted yet. Undefined when they are more than the kernel can tell. */
  icons: readonly number[] | undefined;
  shutdown: number | undefined;
  /** Of a listener: how many clients are not accepted yet, and how many may be. Otherwise bytes. */
  rqueue: number;
  wqueue: number;
  /** Since Linux 5.3. */
  uid: number | undefined;
}

export interface Endpoint {
  /** Dotted, or as RFC 5952 writes it; an IPv4 address also of an IPv6 socket. */
  address: string;
  port: number;
}

export type InetProtocol = 'tcp' | 'udp';

/** One of the kernel's tables. IPv4 in an IPv6 socket stands in that of IPv6. */
export interface InetTable {
  protocol: InetProtocol;
  family: 4 | 6;
}

export const INET_TABLES: readonly InetTable[] = [
  { protocol: 'tcp', family: 4 },
  { protocol: 'tcp', family: 6 },
  { protocol: 'udp', family: 4 },
  { protocol: 'udp', family: 6 },
];

/** A TCP or UDP socket. */
export interface InetSocket extends InetTable {
  /** 0: no process has it. It is not accepted yet, or closed and not done, as in TIME_WAIT. */
  ino: number;
  /** UDP: ESTABLISHED or CLOSE. */
  state: SocketState;
  local: Endpoint;
  remote: Endpoint;
  /** Of a listener: how many connections are not accepted yet. Otherwise bytes. */
  rqueue: number;
  /** Of a listener: how many may be, undefined where a file tells. Otherwise bytes. */
  wqueue: number | undefined;
  /** Undefined without an inode: then it need not be the owner's. */
  uid: number | undefined;
  /** The interface that it is bound to, 0 for none; a link-local address means nothing without it. Undefined where a file tells. */
  ifindex: number | undefined;
  shutdown: number | undefined;
  /** Of an IPv6 socket that listens or receives: it takes no IPv4. */
  v6only: boolean | undefined;
}
