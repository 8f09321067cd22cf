/**
 * The descriptor behind what a program has in hand. The runtime makes some of them public, as `fd`; those of sockets and
 * servers it keeps where its own code and the inspectors of Node look for them.
 *
 * Sources: lib/net.js (`_handle`), lib/dgram.js (`state symbol`), lib/internal/fs/streams.js of Node.
 */
import { badInt31, badType, coded, isInt31, unreadable } from '../binding/arguments.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { ERRNO } from '../util/errno.ts';

const EXPECTED = 'a descriptor, or a FileHandle, stream, socket or server of node:fs, node:net, node:dgram or node:tty';
const { EBADF } = ERRNO;

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const member = (object: unknown, name: PropertyKey): unknown =>
  isObject(object) ? (object as Record<PropertyKey, unknown>)[name] : undefined;

const has = (object: object, method: string): boolean => typeof member(object, method) === 'function';

/** Node and Bun name this symbol differently from Deno. */
const DGRAM_STATE = /^(?:state symbol|kStateSymbol)$/;

/** The state of a dgram.Socket, whose `_handle` would print a warning. */
function stateOf(socket: object): unknown {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description = '' }) => DGRAM_STATE.test(description));
  return symbol === undefined ? undefined : member(socket, symbol);
}

const fdOfInner = (inner: unknown): unknown => (isObject(inner) ? member(inner, 'fd') : null);

/** What Node reads another stream through, as TLS that goes over no socket of its own. */
const isOverStream = (inner: unknown): boolean =>
  [inner, member(inner, '_parent')].some((one) => isObject(one) && one.constructor?.name === 'JSStream');

/** The descriptor; null or below 0 while there is none, undefined where nothing tells. */
function descriptorOf(handle: object): unknown {
  if (has(handle, 'addMembership')) return fdOfInner(member(stateOf(handle), 'handle'));
  const fd = member(handle, 'fd');
  if (isInt31(fd)) return fd;
  if ('_handle' in handle) return isOverStream(handle._handle) ? undefined : fdOfInner(handle._handle);
  return 'fd' in handle ? (fd ?? null) : undefined;
}

/** Whether it is of a kind that has a descriptor as a rule, which it may lack, or keep to itself. */
const mayHave = (handle: object): boolean => ['pipe', 'listen', 'addMembership'].some((method) => has(handle, method));

/**
 * `handle.fd`, and where that is not public what stands for it — which descriptor is this FileHandle, stream, socket or
 * server?
 *
 * The answer is true for this moment: a handle that is closed gives its number back, for any other file.
 *
 * @param handle - a descriptor of this process, 0 … 2^31−1, which is not looked at; a FileHandle; a stream of node:fs; a
 *   net.Socket, tls.TLSSocket, or a server of node:net, node:tls, node:http, node:https or node:http2; a dgram.Socket;
 *   `child.stdin`, `child.stdout`, `child.stderr` and the rest of `child.stdio`; `process.stdin` and its like;
 *   a stream of node:tty; `process.channel`
 * @returns the descriptor, with the pid of this process
 * @throws TypeError `ERR_INVALID_ARG_TYPE` — it is nothing that has a descriptor; of a child, name one of its streams
 * @throws RangeError `ERR_OUT_OF_RANGE` — a number that is no descriptor
 * @throws Error `EBADF` — it is closed, or not open yet: a file that is being opened, a server that does not listen, a
 *   socket that is not bound or is still looking up its host
 * @throws Error `ERR_NO_DESCRIPTOR` — it has no descriptor of its own, as the streams of a Worker, a server in a cluster's
 *   worker and TLS over a stream that is no socket have none; or the runtime does not tell: Bun that of `child.stdout` and
 *   http servers, Deno that of TCP, UDP and terminals
 * @example findHolders(fileOf(process.stdout)).holders.length; // how many write to this standard output
 * @since Linux 2.2, on Node, Bun and Deno
 * @see https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html, proc_pid_fd(5)
 */
export function fileOf(handle: number | object): FileRef {
  const { pid } = process;
  if (typeof handle === 'number') {
    if (!isInt31(handle)) throw badInt31('handle', handle);
    return { pid, fd: handle };
  }
  if (!isObject(handle)) throw badType('handle', EXPECTED, handle);
  let fd: unknown;
  let isHandle: boolean;
  try {
    // What has a pid is a child process, with several descriptors, or names a file already, perhaps another process'.
    fd = 'pid' in handle ? undefined : descriptorOf(handle);
    isHandle = fd === null || typeof fd === 'number' || (fd === undefined && mayHave(handle));
  } catch (cause) {
    throw unreadable('handle', EXPECTED, cause);
  }
  if (!isHandle) throw badType('handle', EXPECTED, handle);
  if (isInt31(fd)) return { pid, fd };
  throw fd === undefined ? notTold(handle) : notOpen(handle);
}

const isBun = (): boolean => 'bun' in process.versions;
/** Whatever a getter of it throws, or is. */
function nameOf(handle: object): string {
  try {
    const name: unknown = handle.constructor?.name;
    return typeof name === 'string' && name !== '' ? name : 'object';
  } catch {
    return 'object';
  }
}

const notOpen = (handle: object): Error =>
  Object.assign(
    new Error(
      `EBADF: this ${nameOf(handle)} has no descriptor: ` +
        `it is closed, or not open yet${isBun() ? ', or Bun does not tell which it has' : ''}`,
    ),
    { code: 'EBADF', errno: -EBADF },
  );

const notTold = (handle: object): Error =>
  coded(
    new Error(
      `This ${nameOf(handle)} has no descriptor of its own, or ${isBun() ? 'Bun' : 'deno' in process.versions ? 'Deno' : 'Node'} ` +
        'does not tell which: what is open stands in /proc/self/fd',
    ),
    'ERR_NO_DESCRIPTOR',
  );
