/** Which kinds have another end? What has none is none of these. */
import { socketProtocol } from '../../netlink/protocol.ts';
import { isSocketLink } from '../../procfs/link.ts';
import { S_IFIFO, S_IFMT } from '../../procfs/kind.ts';
import { accessOf, readFdinfo } from '../../procfs/fdinfo.ts';
import type { Scan } from '../../scan/tables.ts';
import type { Subject } from '../holders/subject.ts';
import { type Peer, UntoldPeer } from './peer.ts';
import { PipePeer } from './pipe.ts';
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

/** What to look for at the other end of a file; undefined for what has none. */
export function peerOf(subject: Subject, scan: Scan): Peer | undefined {
  const { link, inode } = subject;
  const isPipe = link?.startsWith('pipe:[') === true;
  const isSocket = isSocketLink(link);
  const mode = typeof inode === 'string' ? 0 : inode.mode & S_IFMT;
  if (typeof inode === 'string' && link?.startsWith('/') === true)
    return new UntoldPeer(`what kind of file it is could not be read (${inode})`);
  if (!isPipe && !isSocket && mode !== S_IFIFO) return undefined;
  if (isPath(subject)) return undefined;
  return isSocket ? socketPeer(subject, scan) : new PipePeer(subject);
}

/** A descriptor that gives no access to the file is an end of nothing. */
function isPath({ file }: Subject): boolean {
  const info = readFdinfo(file.pid, file.fd);
  return typeof info !== 'string' && info.flags !== undefined && accessOf(info.flags) === 'path';
}

function socketPeer(subject: Subject, scan: Scan): Peer | undefined {
  const answer = socketProtocol(subject.file.pid, subject.file.fd);
  if (typeof answer === 'string') return new UntoldPeer(`its protocol could not be read (${answer})`);
  const { protocol } = answer;
  if (protocol === 'UNIX' || protocol === 'UNIX-STREAM') return new UnixPeer(subject, scan);
  return ALONE.has(protocol)
    ? undefined
    : new UntoldPeer(`the kernel cannot be asked about the other end of a socket of ${protocol}`);
}
