/** What the kernel refuses: KcmpError, shaped like Node's own system errors, and the names of errnos. */
import type { KcmpType } from './abi.ts';
import type { EpollSlot } from './epoll-slot.ts';

const { getSystemErrorMap } = process.getBuiltinModule('node:util');

/** The arguments of a kcmp(2) call, under the names of the facade. */
export interface KcmpArguments {
  pid1: number;
  pid2: number;
  type: KcmpType;
  fd1?: number | undefined;
  fd2?: number | undefined;
  slot?: Required<EpollSlot> | undefined;
}

/**
 * kcmp(2) failed: what the kernel answered, shaped like Node's own system errors,
 * with the arguments of the call and a message that says which side failed and why.
 */
export class KcmpError extends Error {
  static {
    this.prototype.name = 'KcmpError';
  }
  /** The errno's name, such as 'EBADF'; `ERR_KCMP_UNORDERED` for a result without an order. */
  readonly code: string;
  /** The errno, negative as in Node's system errors; 0 when the kernel raised none. */
  readonly errno: number;
  readonly syscall = 'kcmp';
  /** The arguments: the two tasks and the comparison type. */
  readonly pid1: number;
  readonly pid2: number;
  readonly type: KcmpType;
  // Declared only: an argument that the call did not have is no property, not an undefined one.
  /** For KCMP_FILE the two descriptors; for KCMP_EPOLL_TFD the first, and the slot that says which target. */
  declare readonly fd1?: number;
  declare readonly fd2?: number;
  declare readonly slot?: Required<EpollSlot>;

  /** @param errno - negative */
  constructor(code: string, errno: number, message: string, args: KcmpArguments) {
    super(message);
    this.code = code;
    this.errno = errno;
    this.pid1 = args.pid1;
    this.pid2 = args.pid2;
    this.type = args.type;
    if (args.fd1 !== undefined) this.fd1 = args.fd1;
    if (args.fd2 !== undefined) this.fd2 = args.fd2;
    if (args.slot !== undefined) this.slot = args.slot;
  }
}

/** The name and the words of a negative errno. libuv calls 95 ENOTSUP; the kernel means EOPNOTSUPP. */
export function errnoName(errno: number): string {
  const name = getSystemErrorMap().get(errno)?.[0] ?? `errno ${-errno}`;
  return name === 'ENOTSUP' ? 'EOPNOTSUPP' : name;
}

export const errnoText = (errno: number): string => getSystemErrorMap().get(errno)?.[1] ?? 'unknown error';
