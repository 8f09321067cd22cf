/**
 * sock_diag(7): the kernel's own tables of the sockets of one network namespace, without privileges and without
 * opening anybody's descriptors.
 *
 * A NETLINK_SOCK_DIAG socket that is not bound writes to the kernel and reads its answer, which is there as soon as
 * the write returns; so the socket does not block, and nothing here can wait. It belongs to the namespace that it was
 * opened in, wherever its thread goes afterwards.
 *
 * Sources: net/core/sock_diag.c, net/netlink/af_netlink.c; <linux/sock_diag.h>.
 */
import type { SyscallNumbers } from '../binding/abi.ts';
import { errnoName } from '../binding/errors.ts';
import { addressOfBytes, syscallNumbers, wordCallRaw } from '../binding/syscall.ts';
import { forget, keep } from '../procfs/raw/fd-directory.ts';
import type { Pausing } from '../util/drain.ts';
import { HEADER, NLM_F_DUMP, NLM_F_REQUEST, Reply, SOCK_DIAG_BY_FAMILY } from './messages.ts';
import { ERRNO as codes } from '../util/errno.ts';

const AF_NETLINK = 16;
const NETLINK_SOCK_DIAG = 4;
/** SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, which are the same on every architecture that is served. */
const TYPE = 3 | 0o4000 | 0o2000000;

/** The kernel fills 32 KiB at most in one go, and cuts off what does not fit. */
const ROOM = 65536;
const REQUEST = 128;
/** Where the body of a request begins. */
export const BODY: number = HEADER;
const ATTEMPTS = 4;
/** So much is read, which are some milliseconds of work, before a pause is due: few machines have as many sockets. */
const PAUSE = 4;

/** Why the kernel's tables could not be had. */
export interface Refusal {
  /**
   * `blocked`: a filter or a security module forbids the socket. `no-netlink`: this kernel, or what stands in for one,
   * has no NETLINK_SOCK_DIAG. `no-handler`: it has no such table and cannot load the module. `unstable`: the answer was
   * interrupted each time. `no-namespace`: the network namespace may not be entered, or all of its tasks have ended.
   * `failed`: anything else, such as too many open files.
   */
  refused: 'blocked' | 'no-netlink' | 'no-handler' | 'unstable' | 'no-namespace' | 'failed';
  /** The errno's name. */
  code: string;
}

export const isRefusal = (answer: object | undefined): answer is Refusal => answer !== undefined && 'refused' in answer;

function kindOfRefusal(errno: number): Refusal['refused'] {
  switch (-errno) {
    // Filters by address family answer EAFNOSUPPORT; the kernel never does, since where there are sockets there is AF_NETLINK.
    case codes.EAFNOSUPPORT:
    case codes.EPERM:
    case codes.EACCES:
    case codes.ENOSYS:
      return 'blocked';
    case codes.EPROTONOSUPPORT:
      return 'no-netlink';
    case codes.ENOENT:
    case codes.EOPNOTSUPP:
      return 'no-handler';
    case codes.EINTR:
      return 'unstable';
    default:
      return 'failed';
  }
}

/** A negative errno in words. */
export const refusal = (errno: number): Refusal => ({ refused: kindOfRefusal(errno), code: errnoName(errno) });

/** Sockets by their inodes. With a refusal there may be more of them. */
export interface LookUp<T> {
  found: Map<number, T>;
  refusal?: Refusal;
}

/** Writes the body of a request at {@link BODY}, where all is 0, and returns its length. */
export type WriteBody = (request: DataView) => number;
/** What the body of a message tells; undefined for what is of no interest, or cut off. */
export type ParseBody<T> = (answer: DataView, start: number, end: number) => T | undefined;

// Private to this file and used by one call after the other: what is read is taken apart before anything else is done.
const answer = new DataView(new ArrayBuffer(ROOM));
const request = new DataView(new ArrayBuffer(REQUEST));
const requestBytes = new Uint8Array(request.buffer);
let answerAddress = 0;
let requestAddress = 0;
let numbers: SyscallNumbers | undefined;
let sequence = 0;

function prepare(): SyscallNumbers {
  if (numbers !== undefined) return numbers;
  answerAddress = addressOfBytes(new Uint8Array(answer.buffer));
  requestAddress = addressOfBytes(requestBytes);
  return (numbers = syscallNumbers());
}

/** A socket that asks, for as long as it is not closed. */
export class SockDiag {
  #fd: number;
  readonly #numbers: SyscallNumbers;

  private constructor(fd: number, numbers: SyscallNumbers) {
    this.#fd = fd;
    this.#numbers = numbers;
  }

  /** `socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG)`, for the network namespace that the calling thread is in. */
  static open(): SockDiag | Refusal {
    const numbers = prepare();
    const fd = wordCallRaw(numbers.socket, AF_NETLINK, TYPE, NETLINK_SOCK_DIAG, 0, 0);
    return fd < 0 ? refusal(fd) : new SockDiag(keep(fd), numbers);
  }

  close(): void {
    forget(this.#fd);
    wordCallRaw(this.#numbers.close, this.#fd, 0, 0, 0, 0);
    this.#fd = -1; // the number may be another file's at once, which nothing must be written to
  }

  /**
   * Everything of a table, or a negative errno; nothing else may be asked until it is there.
   *
   * **A socket may be left out, or come twice, while others come and go**: the kernel continues by counting, and says
   * nothing of it. Only a GET proves that there is none.
   */
  *dump<T>(write: WriteBody, parse: ParseBody<T>): Pausing<T[] | number> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const found: T[] = [];
      const visit = (start: number, end: number): void => {
        const parsed = parse(answer, start, end);
        if (parsed !== undefined) found.push(parsed);
      };
      const reply = this.#send(NLM_F_DUMP, write);
      for (let reads = 1; this.#take(reply, visit); reads++) if (reads % PAUSE === 0) yield;
      if (reply.errno !== 0) return reply.errno;
      if (!reply.interrupted) return found;
    }
    return -codes.EINTR;
  }

  /** One socket, or a negative errno: -ENOENT when there is none, or no table to look in. */
  get<T>(write: WriteBody, parse: ParseBody<T>): T | number {
    let found: T | undefined;
    const reply = this.#send(0, write);
    while (this.#take(reply, (start, end) => (found = parse(answer, start, end))));
    const { errno } = reply;
    return errno !== 0 ? errno : (found ?? -codes.EBADMSG);
  }

  /** Takes one read of a reply; false when nothing more will come. */
  #take(reply: Reply, visit: (start: number, end: number) => void): boolean {
    if (reply.done || reply.errno !== 0) return false;
    const length = wordCallRaw(this.#numbers.read, this.#fd, answerAddress, ROOM, 0, 0);
    if (length > 0) reply.take(answer, length, visit);
    else if (length === -codes.ENOBUFS) reply.interrupted = true;
    else if (length === -codes.EAGAIN && reply.interrupted) return false;
    else reply.errno = length === 0 ? -codes.EBADMSG : length;
    return true;
  }

  #send(flags: number, write: WriteBody): Reply {
    sequence = (sequence + 1) >>> 0;
    requestBytes.fill(0);
    const length = BODY + write(request);
    request.setUint32(0, length, true);
    request.setUint16(4, SOCK_DIAG_BY_FAMILY, true);
    request.setUint16(6, NLM_F_REQUEST | flags, true);
    request.setUint32(8, sequence, true);
    const reply = new Reply(sequence);
    reply.errno = Math.min(wordCallRaw(this.#numbers.write, this.#fd, requestAddress, length, 0, 0), 0);
    return reply;
  }
}
