/**
 * Errors and argument checks: Node's own codes for bad arguments, and KcmpError for
 * what the kernel refuses. The checks return booleans, so that a good call creates nothing.
 */
import type { KcmpType } from './abi.ts';
import type { EpollSlot } from './layout.ts';

const { getSystemErrorMap, inspect, types } = process.getBuiltinModule('node:util');

const INT31_MAX = 2 ** 31 - 1;
const U32_MAX = 2 ** 32 - 1;

/** A pid or a descriptor: a whole number, 0 … 2^31−1. */
export const isInt31 = (value: unknown): value is number =>
  typeof value === 'number' && (value | 0) === value && value >= 0;

/** A member of an epoll slot: a whole number, 0 … 2^32−1. */
export const isU32 = (value: unknown): value is number =>
  typeof value === 'number' && value >>> 0 === value;

/** A comparison type: any signed 32-bit integer; which of them exist the kernel judges. */
export const isInt32 = (value: unknown): value is number =>
  typeof value === 'number' && (value | 0) === value;

/** A Buffer too, and one of another realm, such as a test runner's. */
export const isUint8Array = (value: unknown): value is Uint8Array => types.isUint8Array(value);

/** What Node's own errors carry, whatever their class. */
export type CodedError<E extends Error = Error> = E & { code: string };

export const coded = <E extends Error>(error: E, code: string): CodedError<E> => Object.assign(error, { code });

const received = (value: unknown): string => {
  const text = inspect(value, { depth: 0, breakLength: Infinity, maxStringLength: 40, customInspect: false });
  return value === null || value === undefined ? text : `type ${typeof value} (${text})`;
};

/** `ERR_INVALID_ARG_TYPE`, worded as Node does. */
export const badType = (name: string, expected: string, value: unknown): CodedError =>
  coded(
    new TypeError(`The "${name}" argument must be ${expected}. Received ${received(value)}`),
    'ERR_INVALID_ARG_TYPE',
  );

/** `ERR_INVALID_ARG_VALUE`, worded as Node does. */
export const badValue = (name: string, expected: string, value: unknown): CodedError =>
  coded(
    new TypeError(`The argument '${name}' must be ${expected}. Received ${inspect(value, { depth: 0 })}`),
    'ERR_INVALID_ARG_VALUE',
  );

/** `ERR_OUT_OF_RANGE`, worded as Node does. */
export const badRange = (name: string, expected: string, value: unknown): CodedError =>
  coded(
    new RangeError(`The value of "${name}" is out of range. It must be ${expected}. Received ${String(value)}`),
    'ERR_OUT_OF_RANGE',
  );

const badInteger = (name: string, min: number, max: number, value: unknown): CodedError =>
  typeof value === 'number'
    ? badRange(name, `an integer >= ${min} && <= ${max}`, value)
    : badType(name, 'of type number', value);

export const badInt31 = (name: string, value: unknown): CodedError => badInteger(name, 0, INT31_MAX, value);
export const badU32 = (name: string, value: unknown): CodedError => badInteger(name, 0, U32_MAX, value);
export const badInt32 = (name: string, value: unknown): CodedError =>
  badInteger(name, -INT31_MAX - 1, INT31_MAX, value);
export const badSlot = (name: string, value: unknown): CodedError =>
  badType(name, 'an object { efd, tfd, toff? }', value);
export const badBytes = (name: string, value: unknown, size: number): CodedError =>
  isUint8Array(value)
    ? badRange(name, `exactly ${size} bytes long`, `${value.byteLength} bytes`)
    : badType(name, 'an instance of Uint8Array', value);

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
