/**
 * /proc/PID/net/{tcp,tcp6,udp,udp6,udplite,udplite6,unix}: the sockets of the network namespace that a task is in, for where the kernel
 * cannot be asked by netlink. Everybody may read them, also of another namespace; a read costs several times as much.
 *
 * Sources: proc_pid_net(5); get_tcp4_sock() of net/ipv4/tcp_ipv4.c, udp4_format_sock() of net/ipv4/udp.c,
 * unix_seq_show() of net/unix/af_unix.c.
 */
import { v4Text, v6Text } from '../util/inet-address.ts';
import {
  type Endpoint,
  type InetSocket,
  type InetTable,
  stateName,
  type UnixListing,
  unixType,
} from '../util/socket.ts';
import { readText } from './read.ts';
import { PROC } from './root.ts';

/** Number, local, remote, state, queues of what was written and what has come, timers, uid, timeout, inode. */
const INET =
  /^ *\d+: ([\dA-F]{8}|[\dA-F]{32}):([\dA-F]{4}) ([\dA-F]{8}|[\dA-F]{32}):([\dA-F]{4}) ([\dA-F]{2}) ([\dA-F]{8}):([\dA-F]{8}) \S+ \S+ +(\d+) +\d+ (\d+)/gm;

const hex = (digits: string | undefined): number => Number.parseInt(digits ?? '', 16);

/** A word that stands in memory in network order and was printed as a little-endian number. */
function word(digits: string, at: number): number {
  const number = hex(digits.slice(at, at + 8));
  return ((number << 24) | ((number & 0xff00) << 8) | ((number >>> 8) & 0xff00) | (number >>> 24)) >>> 0;
}

const endpoint = (address = '', port: string | undefined): Endpoint => ({
  address:
    address.length === 8
      ? v4Text(word(address, 0))
      : v6Text(word(address, 0), word(address, 8), word(address, 16), word(address, 24)),
  port: hex(port),
});

/** The sockets of one of the four files; lines that are none are skipped. */
export function parseInet(text: string, { protocol, family }: InetTable): InetSocket[] {
  return Array.from(text.matchAll(INET), (line) => {
    const state = stateName(hex(line[5]));
    const ino = Number(line[9]);
    return {
      ino,
      protocol,
      family,
      state,
      local: endpoint(line[1], line[2]),
      remote: endpoint(line[3], line[4]),
      rqueue: hex(line[7]),
      wqueue: state === 'LISTEN' ? undefined : hex(line[6]),
      uid: ino === 0 ? undefined : Number(line[8]),
      ifindex: undefined,
      shutdown: undefined,
      v6only: undefined,
    };
  });
}

/** `/proc/PID/net/tcp` and the like: the sockets of a table, or the errno's name. */
export function readInet(pid: number | 'thread-self', table: InetTable, root: string = PROC): InetSocket[] | string {
  const read = readText(`${root}/${pid}/net/${table.protocol}${table.family === 6 ? 6 : ''}`, 'latin1');
  return typeof read === 'string' ? read : parseInet(read.text, table);
}

/** `/proc/PID/net/udplite` and `udplite6`: those of UDP-Lite, each as if it were of UDP. Kernels without it have no such file. */
export const readLite = (pid: number, root: string = PROC): InetSocket[] =>
  ([4, 6] as const).flatMap((family) => {
    const read = readText(`${root}/${pid}/net/udplite${family === 6 ? 6 : ''}`, 'latin1');
    return typeof read === 'string' ? [] : parseInet(read.text, { protocol: 'udp', family });
  });

/** Address in memory, references, protocol, flags, type, state, inode, name. */
const UNIX = /^[\da-f]+: [\dA-F]{8} [\dA-F]{8} ([\dA-F]{8}) ([\dA-F]{4}) ([\dA-F]{2}) +(\d+)(?: (.*))?$/s;
const SO_ACCEPTCON = 0x10000;
const SS_CONNECTED = 3;

/**
 * The sockets of /proc/PID/net/unix that have an inode. A name may hold line ends, and so a line like that of a socket: an inode
 * that comes twice is left out, since nobody can tell which line is the kernel's.
 */
export function parseUnixListing(text: string): UnixListing[] {
  const sockets = new Map<number, UnixListing>();
  const twice = new Set<number>();
  let last: UnixListing | undefined;
  for (const line of text.split('\n').slice(1, -1)) {
    const [, flags, type, state, ino, name] = UNIX.exec(line) ?? [];
    if (ino === undefined) {
      if (last?.name !== undefined) last.name += `\n${line}`;
      continue;
    }
    last = {
      ino: Number(ino),
      type: unixType(hex(type)),
      state: (hex(flags) & SO_ACCEPTCON) !== 0 ? 'LISTEN' : hex(state) === SS_CONNECTED ? 'ESTABLISHED' : 'CLOSE',
      name,
    };
    if (sockets.has(last.ino)) twice.add(last.ino);
    sockets.set(last.ino, last);
  }
  for (const ino of [0, ...twice]) sockets.delete(ino);
  return [...sockets.values()];
}

/** `/proc/PID/net/unix`: the sockets of AF_UNIX, without their other ends, or the errno's name. */
export function readUnixListing(pid: number | 'thread-self', root: string = PROC): UnixListing[] | string {
  const read = readText(`${root}/${pid}/net/unix`, 'utf8');
  return typeof read === 'string' ? read : parseUnixListing(read.text);
}
