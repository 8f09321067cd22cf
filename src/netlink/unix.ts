/**
 * Sockets of AF_UNIX, as the kernel lists them: who is connected with whom, and who waits to be accepted.
 *
 * A message becomes one object and, where it has a name, one string: ten thousand of them take a fifth of the time
 * that the kernel takes to write them.
 *
 * Sources: net/unix/diag.c; <linux/unix_diag.h>.
 */
import { stateBits, stateName, type UnixSocket, unixType } from '../util/socket.ts';
import { aligned, attributeEnd } from './messages.ts';
import { BODY, type LookUp, type Refusal, refusal, type SockDiag, type WriteBody } from './sock-diag.ts';

const { EINVAL, ENOENT } = process.getBuiltinModule('node:os').constants.errno;

const AF_UNIX = 1;
const U32_MAX = 2 ** 32 - 1;
const EVERY_STATE = U32_MAX;
/** UDIAG_SHOW_NAME, _VFS, _PEER, _RQLEN and _UID. Messages with these are small, so that none is too large to be sent. */
const SHOWN = 0x01 | 0x02 | 0x04 | 0x10 | 0x40;
/** UDIAG_SHOW_ICONS. A listener that does not fit with them ends the list without a word, so they are asked for apart. */
const ICONS_SHOWN = 0x08;

/** UNIX_DIAG_ attributes. */
const NAME = 0;
const VFS = 1;
const PEER = 2;
const ICONS = 3;
const RQLEN = 4;
const SHUTDOWN = 6;
const UID = 7;

/** struct unix_diag_msg: u8 family, type, state, padding; u32 inode, then a cookie. */
const MESSAGE = 16;
/** struct unix_diag_req. */
const REQUEST = 24;

/** So many are asked about one by one: each question walks half the table, and a list of it all costs as much as these. */
const FEW = 20;
const LISTS = 2;
const NONE: readonly number[] = [];

const body =
  (ino: number, states: number, show: number): WriteBody =>
  (request) => {
    request.setUint8(BODY, AF_UNIX);
    request.setUint32(BODY + 4, states, true);
    request.setUint32(BODY + 8, ino, true);
    request.setUint32(BODY + 12, show, true);
    request.setUint32(BODY + 16, U32_MAX, true); // no cookie
    request.setUint32(BODY + 20, U32_MAX, true);
    return REQUEST;
  };

const text = (view: DataView, start: number, end: number): string =>
  Buffer.from(view.buffer, view.byteOffset + start, end - start).toString();

/** A path ends at its NUL, an abstract name begins with one and ends where the attribute does. */
function nameOf(view: DataView, start: number, end: number): string | undefined {
  if (start === end) return undefined;
  if (view.getUint8(start) === 0) return `@${text(view, start + 1, end)}`;
  let stop = start;
  while (stop < end && view.getUint8(stop) !== 0) stop++;
  return text(view, start, stop);
}

/** The socket of one message; undefined when it is cut off. */
export function parseUnix(view: DataView, start: number, end: number): UnixSocket | undefined {
  if (end - start < MESSAGE) return undefined;
  const socket: UnixSocket = {
    ino: view.getUint32(start + 4, true),
    type: unixType(view.getUint8(start + 1)),
    state: stateName(view.getUint8(start + 2)),
    name: undefined,
    vfs: undefined,
    peer: undefined,
    icons: NONE,
    shutdown: undefined,
    rqueue: 0,
    wqueue: 0,
    uid: undefined,
  };
  for (let at = start + MESSAGE, next: number; (next = attributeEnd(view, at, end)) > 0; at = aligned(next)) {
    const value = at + 4;
    const size = next - value;
    const type = view.getUint16(at + 2, true);
    if (type === NAME) socket.name = nameOf(view, value, next);
    else if (type === SHUTDOWN && size >= 1) socket.shutdown = view.getUint8(value);
    else if (type === ICONS) socket.icons = iconsOf(view, value, next);
    else if (size < 4) continue;
    else if (type === PEER) socket.peer = view.getUint32(value, true);
    else if (type === UID) socket.uid = view.getUint32(value, true);
    else if (size < 8) continue;
    else if (type === VFS) socket.vfs = { ino: view.getUint32(value, true), dev: view.getUint32(value + 4, true) };
    else if (type === RQLEN) {
      socket.rqueue = view.getUint32(value, true);
      socket.wqueue = view.getUint32(value + 4, true);
    }
  }
  return socket;
}

function iconsOf(view: DataView, start: number, end: number): number[] {
  const icons: number[] = [];
  for (let at = start; end - at >= 4; at += 4) icons.push(view.getUint32(at, true));
  return icons;
}

const LISTEN = stateBits('LISTEN');

/** Who waits to be accepted, added to the listeners that say how many wait. */
function addIcons(diag: SockDiag, sockets: Iterable<UnixSocket>): void {
  let waiting: UnixSocket[] = [];
  for (const socket of sockets) if (socket.state === 'LISTEN' && socket.rqueue > 0) waiting.push(socket);
  // A list has room for 8,000 a listener, a single answer for 2,000, which is less work where they are few.
  for (const way of waiting.length > FEW ? [listIcons, getIcons] : [getIcons, listIcons]) {
    const icons = waiting.length > 0 ? way(diag, waiting) : undefined;
    waiting = waiting.filter((listener) => (listener.icons = icons?.get(listener.ino)) === undefined);
  }
}

function listIcons(diag: SockDiag): Map<number, readonly number[] | undefined> {
  const listeners = diag.dump(body(0, LISTEN, ICONS_SHOWN), parseUnix);
  return new Map(typeof listeners === 'number' ? [] : listeners.map(({ ino, icons }) => [ino, icons]));
}

function getIcons(diag: SockDiag, listeners: UnixSocket[]): Map<number, readonly number[] | undefined> {
  const found = listeners.map(({ ino }) => diag.get(body(ino, LISTEN, ICONS_SHOWN), parseUnix));
  return new Map(found.flatMap((socket) => (typeof socket === 'number' ? [] : [[socket.ino, socket.icons] as const])));
}

/**
 * Every socket of AF_UNIX in the namespace, by its inode. One may be missing, as {@link SockDiag.dump} says:
 * {@link lookUpUnix} tells whether there is one.
 *
 * Sockets that are not accepted yet have no inode and are not among them; their clients are.
 */
export function dumpUnix(diag: SockDiag): Map<number, UnixSocket> | Refusal {
  const sockets = diag.dump(body(0, EVERY_STATE, SHOWN), parseUnix);
  if (typeof sockets === 'number') return refusal(sockets);
  addIcons(diag, sockets);
  const byInode = new Map<number, UnixSocket>();
  for (const socket of sockets) byInode.set(socket.ino, socket);
  return byInode;
}

/** A socket of AF_UNIX; undefined when this namespace has none with this inode. */
export function getUnix(diag: SockDiag, ino: number): UnixSocket | undefined | Refusal {
  const answer = lookUpUnix(diag, [ino]);
  return answer.refusal ?? answer.found.get(ino);
}

/**
 * The sockets of AF_UNIX with these inodes: few are asked about one by one, many looked for in a list of all.
 *
 * @returns those that this namespace has. Without a refusal it has none of the others: each of up to 20 was asked about,
 *   more were in neither of two lists.
 */
export function lookUpUnix(diag: SockDiag, inos: Iterable<number>): LookUp<UnixSocket> {
  const found = new Map<number, UnixSocket>();
  // No socket has 0, about which the kernel would not answer.
  let missing = [...new Set(inos)].filter((ino) => ino > 0 && ino <= U32_MAX);
  for (let lists = 0; missing.length > FEW && lists < LISTS; lists++) {
    const wanted = new Set(missing);
    const sockets = diag.dump(body(0, EVERY_STATE, SHOWN), (view, start, end) =>
      end - start >= MESSAGE && wanted.has(view.getUint32(start + 4, true)) ? parseUnix(view, start, end) : undefined,
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
  addIcons(diag, found.values());
  return { found };
}

/** Without a handler every question is answered by ENOENT too, but with one the kernel refuses to look for inode 0. */
const hasTable = (diag: SockDiag): boolean => diag.get(body(0, EVERY_STATE, SHOWN), parseUnix) === -EINVAL;
