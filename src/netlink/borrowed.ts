/**
 * What a socket of another process says of itself, where no list has it: of a copy of its descriptor, which is closed at
 * once. It may be of a network namespace that has no process, and is then in no list that could be read.
 *
 * Sources: pidfd_getfd(2), socket(7); tcp_get_info() of net/ipv4/tcp.c, inet_getname() of net/ipv4/af_inet.c.
 */
import { PIDFD_GETFD } from '../binding/abi.ts';
import { addressOfBytes, syscallNumbers, wordCallRaw } from '../binding/syscall.ts';
import { readProcess } from '../procfs/status.ts';

const { ENOTCONN } = process.getBuiltinModule('node:os').constants.errno;
/** Level and name of options. */
const SO_PEERNAME = [1, 28] as const;
const TCP_INFO = [6, 11] as const;
const TCP_CLOSE = 7;
/** Of pidfd_open(2): a thread that is not the first of its process. Since Linux 6.9. */
const PIDFD_THREAD = 0o200;

const value = Buffer.from(new ArrayBuffer(128));
const length = Buffer.from(new ArrayBuffer(4));

/** Whether a socket is connected, or listens; undefined where it may not be asked, or cannot be before Linux 5.6. */
export function isInUse(pid: number, fd: number): boolean | undefined {
  const { pidfd_open, close } = syscallNumbers();
  const pidfd = wordCallRaw(pidfd_open, pid, readProcess(pid) === pid ? 0 : PIDFD_THREAD, 0, 0, 0);
  if (pidfd < 0) return undefined;
  const copy = wordCallRaw(PIDFD_GETFD, pidfd, fd, 0, 0, 0);
  wordCallRaw(close, pidfd, 0, 0, 0, 0);
  if (copy < 0) return undefined;
  const inUse = isCopyInUse(copy);
  wordCallRaw(close, copy, 0, 0, 0, 0);
  return inUse;
}

function isCopyInUse(fd: number): boolean | undefined {
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
