/**
 * Argument checks, and the errors for bad arguments with Node's own codes and words. The checks return booleans, so
 * that a good call creates nothing.
 */
const { inspect, types } = process.getBuiltinModule('node:util');

const INT31_MAX = 2 ** 31 - 1;
const U32_MAX = 2 ** 32 - 1;

/** A pid or a descriptor: a whole number, 0 … 2^31−1. */
export const isInt31 = (value: unknown): value is number =>
  typeof value === 'number' && (value | 0) === value && value >= 0;

/** A member of an epoll slot: a whole number, 0 … 2^32−1. */
export const isU32 = (value: unknown): value is number => typeof value === 'number' && value >>> 0 === value;

/** A comparison type: any signed 32-bit integer; which of them exist the kernel judges. */
export const isInt32 = (value: unknown): value is number => typeof value === 'number' && (value | 0) === value;

/** A Buffer too, and one of another realm, such as a test runner's. */
export const isUint8Array = (value: unknown): value is Uint8Array => types.isUint8Array(value);

/** What Node's own errors carry, whatever their class. */
export type CodedError<E extends Error = Error> = E & { code: string };

export const coded = <E extends Error>(error: E, code: string): CodedError<E> => Object.assign(error, { code });

/** The value as inspect prints it, which may run code of its own; that it fails is no reason to say nothing. */
function received(value: unknown): string {
  try {
    const text = inspect(value, { depth: 0, breakLength: Infinity, maxStringLength: 40, customInspect: false });
    return value === null || value === undefined ? text : `type ${typeof value} (${text})`;
  } catch {
    return `type ${typeof value}`;
  }
}

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

/** `ERR_INVALID_ARG_VALUE` for an argument that throws when it is read. */
export const unreadable = (name: string, expected: string, cause: unknown): CodedError =>
  coded(
    new TypeError(`The argument '${name}' must be ${expected} that can be read. Reading it threw`, { cause }),
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
