/**
 * Sockets of AF_UNIX, as the kernel lists them: who is connected with whom, and who waits to be accepted.
 *
 * Source: net/unix/diag.c.
 */
import { stateBits, type UnixSocket } from '../util/socket.ts';
import type { Pausing } from '../util/drain.ts';
import { type LookUp, type Refusal, refusal, type SockDiag } from './sock-diag.ts';
import { body, ICONS_SHOWN, inodeIn, parseUnix, peerIn, SHOWN } from './unix-message.ts';
import { ERRNO } from '../util/errno.ts';

const { EINVAL, ENOENT } = ERRNO;

const U32_MAX = 2 ** 32 - 1;
const EVERY_STATE = U32_MAX;
/** So many are asked about one by one: each question walks half the table, and a list of it all costs as much as these. */
const FEW = 20;
const LISTS = 2;
const BETWEEN_PAUSES = 4096;

const LISTEN = stateBits('LISTEN');

/** Who waits to be accepted, added to the listeners that say how many wait. */
function* addIcons(diag: SockDiag, sockets: Iterable<UnixSocket>): Pausing<void> {
  let waiting: UnixSocket[] = [];
  for (const socket of sockets) if (socket.state === 'LISTEN' && socket.rqueue > 0) waiting.push(socket);
  // A list has room for 8,000 a listener, a single answer for 2,000, which is less work where they are few.
  for (const way of waiting.length > FEW ? [listIcons, getIcons] : [getIcons, listIcons]) {
    const icons = waiting.length > 0 ? yield* way(diag, waiting) : undefined;
    waiting = waiting.filter((listener) => (listener.icons = icons?.get(listener.ino)) === undefined);
  }
}

type Icons = Map<number, readonly number[] | undefined>;

function* listIcons(diag: SockDiag): Pausing<Icons> {
  const listeners = yield* diag.dump(body(0, LISTEN, ICONS_SHOWN), parseUnix);
  return new Map(typeof listeners === 'number' ? [] : listeners.map(({ ino, icons }) => [ino, icons]));
}

function* getIcons(diag: SockDiag, listeners: UnixSocket[]): Pausing<Icons> {
  const found = listeners.map(({ ino }) => diag.get(body(ino, LISTEN, ICONS_SHOWN), parseUnix));
  return new Map(found.flatMap((socket) => (typeof socket === 'number' ? [] : [[socket.ino, socket.icons] as const])));
}

/**
 * Every socket of AF_UNIX in the namespace, by its inode. One may be missing, as {@link SockDiag.dump} says:
 * {@link lookUpUnix} tells whether there is one.
 *
 * Sockets that are not accepted yet have no inode and are not among them; their clients are.
 */
export function* dumpUnix(diag: SockDiag): Pausing<Map<number, UnixSocket> | Refusal> {
  const sockets = yield* diag.dump(body(0, EVERY_STATE, SHOWN), parseUnix);
  if (typeof sockets === 'number') return refusal(sockets);
  yield* addIcons(diag, sockets);
  const byInode = new Map<number, UnixSocket>();
  let walked = 0;
  for (const socket of sockets) {
    if (++walked % BETWEEN_PAUSES === 0) yield;
    byInode.set(socket.ino, socket);
  }
  return byInode;
}

/** The inodes of connected stream sockets in whose queue is nothing, so that no file is in flight to them either. */
export function* listEmptyUnix(diag: SockDiag): Pausing<number[] | Refusal> {
  const inos = yield* diag.dump(body(0, EVERY_STATE, SHOWN), (view, start, end) => {
    const socket = parseUnix(view, start, end);
    const isEmpty = socket?.type === 'stream' && socket.state !== 'LISTEN' && socket.rqueue === 0;
    return isEmpty ? socket.ino : undefined;
  });
  return typeof inos === 'number' ? refusal(inos) : inos;
}

/** A socket of AF_UNIX; undefined when this namespace has none with this inode. */
export function* getUnix(diag: SockDiag, ino: number): Pausing<UnixSocket | undefined | Refusal> {
  const answer = yield* lookUpUnix(diag, [ino]);
  return answer.refusal ?? answer.found.get(ino);
}

/**
 * The sockets of AF_UNIX with these inodes: few are asked about one by one, many looked for in a list of all.
 *
 * @returns those that this namespace has. Without a refusal it has none of the others: each of up to 20 was asked about,
 *   more were in neither of two lists.
 */
export function* lookUpUnix(diag: SockDiag, inos: Iterable<number>): Pausing<LookUp<UnixSocket>> {
  const found = new Map<number, UnixSocket>();
  // No socket has 0, about which the kernel would not answer.
  let missing = [...new Set(inos)].filter((ino) => ino > 0 && ino <= U32_MAX);
  for (let lists = 0; missing.length > FEW && lists < LISTS; lists++) {
    const wanted = new Set(missing);
    const sockets = yield* diag.dump(body(0, EVERY_STATE, SHOWN), (view, start, end) =>
      wanted.has(inodeIn(view, start, end)) ? parseUnix(view, start, end) : undefined,
    );
    if (typeof sockets === 'number') return { found, refusal: refusal(sockets) };
    for (const socket of sockets) found.set(socket.ino, socket);
    missing = missing.filter((ino) => !found.has(ino));
  }
  for (const ino of missing.length > FEW ? [] : missing) {
    const socket = diag.get(body(ino, EVERY_STATE, SHOWN), parseUnix);
    if (typeof socket !== 'number') found.set(ino, socket);
    else if (socket !== -ENOENT || !hasTable(diag)) return { found, refusal: refusal(socket) };
  }
  yield* addIcons(diag, found.values());
  return { found };
}

/**
 * The sockets whose other end is one of these, of two lists: a datagram receiver does not know who is connected with it.
 * They may be in other network namespaces than it, where it has a path.
 */
export function* findSenders(diag: SockDiag, inos: ReadonlySet<number>): Pausing<Map<number, UnixSocket> | Refusal> {
  const senders = new Map<number, UnixSocket>();
  for (let lists = 0; lists < LISTS; lists++) {
    const sockets = yield* diag.dump(body(0, EVERY_STATE, SHOWN), (view, start, end) => {
      const peer = peerIn(view, start, end);
      return peer > 0 && inos.has(peer) ? parseUnix(view, start, end) : undefined;
    });
    if (typeof sockets === 'number') return refusal(sockets);
    for (const socket of sockets) senders.set(socket.ino, socket);
  }
  return senders;
}

/** Without a handler every question is answered by ENOENT too, but with one the kernel refuses to look for inode 0. */
const hasTable = (diag: SockDiag): boolean => diag.get(body(0, EVERY_STATE, SHOWN), parseUnix) === -EINVAL;
