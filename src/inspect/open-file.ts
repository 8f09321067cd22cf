/** What an open file description is by itself: name, flags, position, size. Source: proc_pid_fdinfo(5), statx(2). */
import type { FileRef } from '../binding/kcmp.ts';
import type { Sockets } from '../netlink/sockets.ts';
import type { statIno } from '../procfs/fd.ts';
import { type Fdinfo, O_PATH, readFdinfo } from '../procfs/fdinfo.ts';
import { type FileKind, kindAt } from '../procfs/kind.ts';
import { EPOLL_LINK, FANOTIFY_LINK, INOTIFY_LINK, inodeOf, isSocketLink } from '../procfs/link.ts';
import type { Holder } from '../scan/holder.ts';
import type { Steps } from '../scan/steps.ts';
import type { InetSocket, UnixListing, UnixSocket } from '../util/socket.ts';
import type { Elsewhere } from './elsewhere.ts';
import type { Lock } from './locks.ts';
import { openFlags } from './names/flags.ts';
import { nameOf } from './names.ts';
import type { OtherEnd } from './peers.ts';
import type { Idle } from './open/idle.ts';
import type { Watcher } from './watchers/lists.ts';

/** What an open file description is, whoever has it. */
export interface FileFacts {
  kind: FileKind;
  /** The text of /proc/PID/fd/FD. */
  link: string | null;
  /**
   * What people call it: `tcp 127.0.0.1:80 listening`, `unix stream /run/x.sock`, `master of /dev/pts/3`, `read end of
   * pipe:[4711]`, `eventfd, count 1`, `deleted file /tmp/x`; a path is itself. Null where that could not be told.
   */
  name: string | null;
  /**
   * Its open flags: 'rdonly', 'wronly', 'rdwr' or 'path', then 'append', 'nonblock', 'sync' and others. Empty where they
   * could not be read, and of what watches files or is an epoll instance, where to read them is to wait, or long.
   */
  flags: string[];
  /** The file offset in bytes, of a regular file, a memfd or a block device; null for others, and from 2^53. */
  pos: number | null;
  /** Bytes of a regular file or a memfd, as the kernel remembers them without asking a server; null for others. */
  size: number | null;
  /** The user id of a socket's owner; null for others. */
  uid: number | null;
  /** What waits in a socket's queues, as the kernel tells it; null for others. */
  queues: SocketQueues | null;
}

/**
 * Of a socket that listens how many connections are not accepted yet, and how many may be: one more, and it takes no others.
 * Of others the bytes that have come and were not read, and those that were written and have not
 * arrived, or of a unix socket the memory of what the other end has not read.
 */
export type SocketQueues = { pending: number; backlog: number | null } | { unread: number; unsent: number };

/** An open file description, and who has it. */
export interface OpenFile extends FileFacts {
  /** Who refers to this open file description. */
  holders: Holder[];
  /** Who refers to another description of the same inode that is not the other end: a second open. */
  sameInode: Holder[];
  /** What it is connected to, and who holds that; null for the kinds that have no other end. Absent when it was not asked for. */
  otherEnd?: OtherEnd | null;
  /** What keeps it open, or may, without a descriptor. Absent when it was not asked for. */
  elsewhere?: Elsewhere[];
  /** The locks that this description keeps, or a table that has it. Absent when it was not asked for. */
  locks?: Lock[];
  /** The locks that a holder of it waits for. Absent when it was not asked for. */
  blockedBy?: Lock[];
  /** The epoll instances of processes that were looked at that watch it, each once. Absent when it was not asked for. */
  watchers?: Watcher[];
  /**
   * Of a listener from which none of its holders, as far as these were seen, takes connections: what each of their
   * threads did instead at that moment. Absent where one may, or it could not be told.
   */
  idle?: Idle[];
}

/** What looks a socket up, or knows it already. */
export type SocketFinder = Pick<Sockets, 'find'>;

/** Where to read fdinfo is to wait for a mutex, or prints every watch. */
const UNREAD: ReadonlySet<string | null> = new Set([EPOLL_LINK, INOTIFY_LINK, FANOTIFY_LINK]);

const HAS_POSITION: ReadonlySet<FileKind> = new Set<FileKind>(['regular', 'memfd', 'block device']);
const HAS_SIZE: ReadonlySet<FileKind> = new Set<FileKind>(['regular', 'memfd']);

const safe = (value: bigint | undefined): number | null =>
  value !== undefined && value <= Number.MAX_SAFE_INTEGER ? Number(value) : null;

/**
 * Looks at one descriptor.
 * @param link, inode - what was read of it
 * @param sockets - where a socket is looked up
 * @param read - its fdinfo
 */
export function* describeOpen(
  { pid, fd }: FileRef,
  link: string | null,
  inode: ReturnType<typeof statIno>,
  sockets: SocketFinder,
  read: Fdinfo | string = readUnlessSlow({ pid, fd }, link),
): Steps<FileFacts> {
  const stat = typeof inode === 'string' ? undefined : inode;
  const kind = kindAt(pid, fd, link, stat?.mode);
  const info = typeof read === 'string' ? undefined : read;
  const isSocket = isSocketLink(link);
  const socket = isSocket ? yield* sockets.find(pid, fd, inodeOf(link as string)) : undefined;
  const flags = info?.flags;
  const hasPosition = HAS_POSITION.has(kind) && flags !== undefined && (flags & O_PATH) === 0;
  return {
    kind,
    link,
    name: nameOf({ kind, link, info, nlink: stat?.more?.nlink, socket }),
    flags: flags === undefined ? [] : openFlags(flags),
    pos: hasPosition ? safe(info?.pos) : null,
    size: HAS_SIZE.has(kind) ? safe(stat?.more?.size) : null,
    uid: isSocket ? (stat?.more?.uid ?? uidOf(socket?.socket) ?? null) : null,
    queues: queuesOf(socket?.socket),
  };
}

const ENDED: ReadonlySet<string> = new Set(['CLOSE_WAIT', 'LAST_ACK', 'CLOSING']);
/** Of TCP: what is counted as not sent is the request to connect, or what was left of one. */
const UNCONNECTED: ReadonlySet<string> = new Set(['SYN_SENT', 'CLOSE']);

/** Null also where a list of names was all that there was. */
export function queuesOf(socket: InetSocket | UnixListing | undefined): SocketQueues | null {
  if (socket === undefined || !('rqueue' in socket)) return null;
  const { state, rqueue, wqueue } = socket as InetSocket | UnixSocket;
  if (state === 'LISTEN') return { pending: rqueue, backlog: wqueue ?? null };
  // The end of a stream is counted as a byte, until it is read.
  const isAtEnd = rqueue > 0 && ENDED.has(state);
  const isUnconnected = 'protocol' in socket && socket.protocol === 'tcp' && UNCONNECTED.has(state);
  return { unread: isAtEnd ? rqueue - 1 : rqueue, unsent: isUnconnected ? 0 : (wqueue ?? 0) };
}
/** The fdinfo of a descriptor, or why there is none; '' where to read it is to wait, or long. */
export const readUnlessSlow = ({ pid, fd }: FileRef, link: string | null): Fdinfo | string =>
  UNREAD.has(link) ? '' : readFdinfo(pid, fd);

const uidOf = (socket: object | undefined): number | undefined =>
  socket === undefined ? undefined : (socket as { uid?: number }).uid;
