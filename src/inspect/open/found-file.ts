/** An open file description as findOpen tells it, and what the kernel's lists of sockets add to that. */
import { inodeOf, isSocketLink } from '../../procfs/link.ts';
import { isInetSocket } from '../../netlink/sockets.ts';
import { type OpenFile, queuesOf } from '../open-file.ts';
import { endName } from '../peers/name.ts';
import { socketLink } from '../peers/socket.ts';
import type { ListedSocket } from './sought.ts';

/** An open file description of what was asked about. */
export interface FoundFile extends OpenFile {
  /** Whether it is a socket that is connected, be it one that a listener accepted. */
  isConnection: boolean;
  /** It is a socket of another network namespace than that of who asks, where it keeps nobody from binding. */
  otherNetwork?: true;
  /** Of a path: a unix socket that was bound by that name to another file than is there now. */
  former?: true;
  /** Of a path: why this unix socket may be of another file, where only its name could be read. */
  doubt?: string;
}

/** Sockets by inode. */
export type Known = ReadonlyMap<number, ListedSocket>;

/** A socket that the kernel lists and nobody was seen to have: whose it is it tells, not who has it. */
export const unseenSocket = (socket: ListedSocket): OpenFile => ({
  kind: 'socket',
  link: socketLink(socket.ino),
  name: endName(socket),
  flags: [],
  pos: null,
  size: null,
  uid: 'uid' in socket ? (socket.uid ?? null) : null,
  queues: queuesOf(socket),
  holders: [],
  sameInode: [],
});

/** Who listens or is only bound comes before the connections. */
export function listenersFirst(files: readonly OpenFile[], known: Known): FoundFile[] {
  const socketOf = ({ link }: OpenFile): ListedSocket | undefined =>
    isSocketLink(link) ? known.get(inodeOf(link as string)) : undefined;
  const rankOf = (file: FoundFile): number =>
    file.isConnection ? 2 : Number((socketOf(file)?.state ?? 'LISTEN') !== 'LISTEN');
  return files
    .map((file) => ({ ...file, isConnection: isConnected(socketOf(file)) }))
    .sort((a, b) => rankOf(a) - rankOf(b));
}

const isConnected = (socket: ListedSocket | undefined): boolean =>
  isInetSocket(socket) ? socket.remote.port !== 0 : socket?.state === 'ESTABLISHED';
