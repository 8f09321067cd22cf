/**
 * Sockets by system calls, of every kind and in every state. Node's own cannot be half-made, bound to abstract names,
 * or left unaccepted. Each is closed on exec.
 */
import { fstatSync } from 'node:fs';
import { addressWords, isV4 } from '../../src/util/inet-address.ts';
import type { Endpoint } from '../../src/util/socket.ts';
import { libc } from './libc.ts';

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;

export const STREAM = 1;
export const DGRAM = 2;
export const SEQPACKET = 5;

const CLOEXEC = 0o2000000;

export const SHUT_RD = 0;
export const SHUT_WR = 1;

const socketCall = libc('int socket(int, int, int)');
const socketpairCall = libc('int socketpair(int, int, int, void *)');
const bindCall = libc('int bind(int, void *, uint)');
const connectCall = libc('int connect(int, void *, uint)');
const acceptCall = libc('int accept4(int, void *, void *, int)');
const getsocknameCall = libc('int getsockname(int, void *, void *)');
const setsockoptCall = libc('int setsockopt(int, int, int, void *, uint)');

export const listen: (fd: number, backlog: number) => number = libc('int listen(int, int)');
export const shutdown: (fd: number, how: number) => number = libc('int shutdown(int, int)');

export const socket = (family: number, type: number, protocol: number = 0): number =>
  socketCall(family, type | CLOEXEC, protocol);

/** Two unix sockets that are connected with each other. */
export function pair(type: number): [number, number] {
  const fds = Buffer.alloc(8);
  socketpairCall(AF_UNIX, type | CLOEXEC, 0, fds);
  return [fds.readInt32LE(0), fds.readInt32LE(4)];
}

/** struct sockaddr_un: a path, or behind `@` an abstract name. */
export function unixAddress(name: string): Buffer {
  const bytes = Buffer.from(name.startsWith('@') ? `\0${name.slice(1)}` : `${name}\0`);
  return Buffer.concat([Buffer.from([AF_UNIX, 0]), bytes]);
}

/** struct sockaddr_in or sockaddr_in6; `mapped`: an IPv4 address in an IPv6 one. */
export function inetAddress({ address, port }: Endpoint, mapped: boolean = false): Buffer {
  const words = addressWords(address);
  if (words === undefined) throw new Error(`${address} is no address`);
  const v4 = isV4(words) && !mapped;
  const bytes = Buffer.alloc(v4 ? 16 : 28);
  bytes.writeUInt16LE(v4 ? AF_INET : AF_INET6, 0);
  bytes.writeUInt16BE(port, 2);
  for (const [i, word] of (v4 ? words.slice(3) : words).entries()) bytes.writeUInt32BE(word, (v4 ? 4 : 8) + 4 * i);
  return bytes;
}

export const bind = (fd: number, address: Buffer): number => bindCall(fd, address, address.length);
export const connect = (fd: number, address: Buffer): number => connectCall(fd, address, address.length);
export const accept = (fd: number): number => acceptCall(fd, null, null, CLOEXEC);

/** The port that an internet socket is bound to. */
export function portOf(fd: number): number {
  const address = Buffer.alloc(28);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(address.length, 0);
  getsocknameCall(fd, address, length);
  return address.readUInt16BE(2);
}

/** A socket option that is a whole number. */
export function setOption(fd: number, level: number, option: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value, 0);
  setsockoptCall(fd, level, option, bytes, 4);
}

/** Has a close send a reset instead of what is left. */
export function resetOnClose(fd: number): void {
  const [SOL_SOCKET, SO_LINGER] = [1, 13];
  const linger = Buffer.alloc(8);
  linger.writeInt32LE(1, 0);
  setsockoptCall(fd, SOL_SOCKET, SO_LINGER, linger, linger.length);
}

export const inoOf = (fd: number): number => fstatSync(fd).ino;

/** A listener, on a name or an address; port 0 is a free one. */
export function listener(type: number, address: Buffer, backlog: number = 16): number {
  const fd = socket(address.readUInt16LE(0), type);
  bind(fd, address);
  listen(fd, backlog);
  return fd;
}

/** A client of it. */
export function client(type: number, address: Buffer): number {
  const fd = socket(address.readUInt16LE(0), type);
  connect(fd, address);
  return fd;
}
