/**
 * What a socket of this very process says of itself, where no list has it: it may be of a network namespace that has no
 * process, and is then in no list that could be read. One of another process is not asked, which would be to take it.
 *
 * Sources: socket(7), tcp(7); tcp_get_info() of net/ipv4/tcp.c, inet_getname() of net/ipv4/af_inet.c.
 */
import { addressOfBytes, syscallNumbers, wordCallRaw } from '../binding/syscall.ts';
import { ERRNO } from '../util/errno.ts';

const { ENOTCONN } = ERRNO;
/** Level and name of options. */
const SO_PEERNAME = [1, 28] as const;
const TCP_INFO = [6, 11] as const;
const TCP_CLOSE = 7;

const value = Buffer.from(new ArrayBuffer(128));
const length = Buffer.from(new ArrayBuffer(4));

/** Whether a socket is connected, or listens; undefined where it does not tell. */
export function isInUse(fd: number): boolean | undefined {
  // Not by its name alone: of a connection that was reset the other end's is left.
  if (ask(fd, TCP_INFO) === 0) return value[0] !== TCP_CLOSE;
  const peer = ask(fd, SO_PEERNAME);
  return peer === 0 || (peer === -ENOTCONN ? false : undefined);
}

function ask(fd: number, [level, option]: readonly [level: number, option: number]): number {
  length.writeUInt32LE(value.length, 0);
  const [at, size] = [value, length].map(addressOfBytes) as [number, number];
  return wordCallRaw(syscallNumbers().getsockopt, fd, level, option, at, size);
}
