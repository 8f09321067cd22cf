/** Which kinds have another end? What has none is none of these. */
import { socketProtocol } from '../../netlink/protocol.ts';
import { inodeOf, isSocketLink } from '../../procfs/link.ts';
import { readInet, readUnixListing } from '../../procfs/net.ts';
import { S_IFIFO, S_IFMT } from '../../procfs/kind.ts';
import { accessOf, readFdinfo } from '../../procfs/fdinfo.ts';
import { INET_TABLES, type InetProtocol } from '../../util/socket.ts';
import type { SubjectFacts } from '../holders/subject.ts';
import { InetPeer } from './inet.ts';
import { type Peer, UntoldPeer } from './peer.ts';
import { PipePeer } from './pipe.ts';
import { PtyPeer, sideOf } from './pty.ts';
import { KERNEL, type SocketTables } from './socket-tables.ts';
import { UnixPeer } from './unix.ts';

/** Sockets that are connected with nothing but the kernel, or with all that comes by a wire. */
const ALONE: ReadonlySet<string> = new Set([
  'NETLINK',
  'PACKET',
  'RAW',
  'RAWv6',
  'PING',
  'PINGv6',
  'ALG',
  'XDP',
  'PF_KEY',
  'KEY',
]);

/**
 * What to look for at the other end of a file; undefined for what has none.
 * @param tables - where sockets are looked up
 */
export function peerOf(subject: SubjectFacts, tables: SocketTables = KERNEL): Peer | undefined {
  const { link, inode } = subject;
  const isPipe = link?.startsWith('pipe:[') === true;
  const isSocket = isSocketLink(link);
  const mode = typeof inode === 'string' ? 0 : inode.mode & S_IFMT;
  if (typeof inode === 'string' && link?.startsWith('/') === true)
    return new UntoldPeer(`what kind of file it is could not be read (${inode})`);
  const side = typeof inode === 'string' ? undefined : sideOf(inode);
  if ((!isPipe && !isSocket && mode !== S_IFIFO && side === undefined) || isPath(subject)) return undefined;
  if (isSocket) return socketPeer(subject, tables);
  if (side === undefined || typeof inode === 'string') return new PipePeer(subject);
  if (side === 'tty') return new UntoldPeer('which terminal /dev/tty was when it was opened is not told');
  return new PtyPeer(subject, inode, side === 'master');
}

/** A descriptor that gives no access to the file is an end of nothing. */
function isPath({ file, mode }: SubjectFacts): boolean {
  if (mode !== undefined) return mode === 'path';
  const info = readFdinfo(file.pid, file.fd);
  return typeof info !== 'string' && info.flags !== undefined && accessOf(info.flags) === 'path';
}

const INET: ReadonlyMap<string, InetProtocol> = new Map([
  ['TCP', 'tcp'],
  ['TCPv6', 'tcp'],
  // Its connections are of TCP, and listed with the inode of the whole.
  ['MPTCP', 'tcp'],
  ['MPTCPv6', 'tcp'],
  ['UDP', 'udp'],
  ['UDPv6', 'udp'],
]);

function socketPeer(subject: SubjectFacts, tables: SocketTables): Peer | undefined {
  const { pid, fd } = subject.file;
  const answer = socketProtocol(pid, fd);
  const protocol = typeof answer === 'string' ? protocolByLists(pid, inodeOf(subject.link as string)) : answer.protocol;
  if (protocol === undefined) return new UntoldPeer(`its protocol could not be read (${answer})`);
  if (protocol === 'UNIX' || protocol === 'UNIX-STREAM') return new UnixPeer(subject, tables);
  const inet = INET.get(protocol);
  if (inet !== undefined) return new InetPeer(subject, tables, inet);
  return ALONE.has(protocol)
    ? undefined
    : new UntoldPeer(`the kernel cannot be asked about the other end of a socket of ${protocol}`);
}

/** Where the kernel does not name a socket's protocol, the list that has it does. */
function protocolByLists(pid: number, ino: number): string | undefined {
  const unix = readUnixListing(pid);
  if (typeof unix !== 'string' && unix.some((socket) => socket.ino === ino)) return 'UNIX';
  for (const table of INET_TABLES) {
    const sockets = readInet(pid, table);
    if (typeof sockets !== 'string' && sockets.some((socket) => socket.ino === ino))
      return table.protocol.toUpperCase();
  }
  return undefined;
}
