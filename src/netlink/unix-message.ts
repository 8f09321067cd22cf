/**
 * What goes to the kernel and comes back about sockets of AF_UNIX. A message becomes one object and, where it has a name,
 * one string.
 *
 * Source: <linux/unix_diag.h>.
 */
import { stateName, type UnixSocket, unixType } from '../util/socket.ts';
import { aligned, attributeEnd } from './messages.ts';
import { BODY, type WriteBody } from './sock-diag.ts';

const AF_UNIX = 1;
const NO_COOKIE = 2 ** 32 - 1;

/** UDIAG_SHOW_NAME, _VFS, _PEER, _RQLEN and _UID. Messages with these are small, so that none is too large to be sent. */
export const SHOWN: number = 0x01 | 0x02 | 0x04 | 0x10 | 0x40;
/** UDIAG_SHOW_ICONS. A listener that does not fit with them ends the list without a word, so they are asked for apart. */
export const ICONS_SHOWN = 0x08;

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

const NONE: readonly number[] = [];

/** A request for one socket, or with 0 for all of them, in states that are given as bits. */
export const body =
  (ino: number, states: number, show: number): WriteBody =>
  (request) => {
    request.setUint8(BODY, AF_UNIX);
    request.setUint32(BODY + 4, states, true);
    request.setUint32(BODY + 8, ino, true);
    request.setUint32(BODY + 12, show, true);
    request.setUint32(BODY + 16, NO_COOKIE, true);
    request.setUint32(BODY + 20, NO_COOKIE, true);
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

/** The inode of a message; 0 when it is cut off. */
export const inodeIn = (view: DataView, start: number, end: number): number =>
  end - start < MESSAGE ? 0 : view.getUint32(start + 4, true);

/** The other end's inode in a message; 0 when it has none. */
export function peerIn(view: DataView, start: number, end: number): number {
  for (let at = start + MESSAGE, next: number; (next = attributeEnd(view, at, end)) > 0; at = aligned(next))
    if (view.getUint16(at + 2, true) === PEER && next - at >= 8) return view.getUint32(at + 4, true);
  return 0;
}
