/**
 * Arguments that are objects, read once and checked. To read one may run a caller's own code, a getter or the traps of a
 * Proxy; what that throws is told as what is wrong with the argument, and is looked at no further.
 */
import {
  badInt31,
  badRange,
  badSlot,
  badType,
  badU32,
  badValue,
  isInt31,
  isU32,
  isUint8Array,
  unreadable,
} from './arguments.ts';

const REF = 'an object { pid, fd }';
const TARGET = 'an object { pid, efd, tfd, toff? }';
const BYTES = 'an instance of Uint8Array';

/** A descriptor: `pid` and `fd`. */
export function readRef(value: { pid: number; fd: number }, name: string): { pid: number; fd: number } {
  if (typeof value !== 'object' || value === null) throw badType(name, REF, value);
  let pid: unknown;
  let fd: unknown;
  try {
    ({ pid, fd } = value);
  } catch (cause) {
    throw unreadable(name, REF, cause);
  }
  if (!isInt31(pid)) throw badInt31(`${name}.pid`, pid);
  if (!isInt31(fd)) throw badInt31(`${name}.fd`, fd);
  return { pid, fd };
}

/** The task of an epoll target. */
export function readPid(value: { pid: number }, name: string): number {
  if (typeof value !== 'object' || value === null) throw badType(name, TARGET, value);
  let pid: unknown;
  try {
    ({ pid } = value);
  } catch (cause) {
    throw unreadable(name, TARGET, cause);
  }
  if (!isInt31(pid)) throw badInt31(`${name}.pid`, pid);
  return pid;
}

/** A slot: `efd`, `tfd`, and `toff`, which is 0 when left out. */
export function readSlot(
  value: { efd: number; tfd: number; toff?: number },
  name: string,
): { efd: number; tfd: number; toff: number } {
  if (typeof value !== 'object' || value === null) throw badSlot(name, value);
  let efd: unknown;
  let tfd: unknown;
  let toff: unknown;
  try {
    ({ efd, tfd, toff = 0 } = value);
  } catch (cause) {
    throw unreadable(name, 'an object { efd, tfd, toff? }', cause);
  }
  if (!isU32(efd)) throw badU32(`${name}.efd`, efd);
  if (!isU32(tfd)) throw badU32(`${name}.tfd`, tfd);
  if (!isU32(toff)) throw badU32(`${name}.toff`, toff);
  return { efd, tfd, toff };
}

/** A view of so many bytes, no more and no fewer. */
export function readBytes(value: Uint8Array, name: string, size: number): DataView {
  if (!isUint8Array(value)) throw badType(name, BYTES, value);
  let length: number;
  try {
    length = value.byteLength;
    if (length === size) return new DataView(value.buffer, value.byteOffset, size);
  } catch (cause) {
    throw unreadable(name, BYTES, cause);
  }
  throw badRange(name, `exactly ${size} bytes long`, `${length} bytes`);
}

/** The properties of these names, of which undefined has none. */
export function readProperties<T extends object, K extends keyof T>(
  value: T | undefined,
  keys: readonly K[],
  name: string,
  expected: string,
): Partial<Pick<T, K>> {
  const properties: Partial<Pick<T, K>> = {};
  if (value === undefined) return properties;
  if (typeof value !== 'object' || value === null) throw badType(name, expected, value);
  try {
    for (const key of keys) properties[key] = value[key];
  } catch (cause) {
    throw unreadable(name, expected, cause);
  }
  return properties;
}

/**
 * Options: an object of these names and no others. A list of pids, or a name that is none, would be taken for no
 * options at all, and what was asked about a few processes be answered of every one.
 */
export function readOptions<T extends object, K extends keyof T & string>(
  value: T | undefined,
  keys: readonly K[],
): Partial<Pick<T, K>> {
  const expected = `an object { ${keys.map((key) => `${key}?`).join(', ')} }`;
  const options = readProperties(value, keys, 'options', expected);
  if (value === undefined) return options;
  let isList = false;
  const strangers: string[] = [];
  try {
    isList = Symbol.iterator in value;
    for (const key in value) if (!(keys as readonly string[]).includes(key)) strangers.push(key);
  } catch (cause) {
    throw unreadable('options', expected, cause);
  }
  if (isList) throw badType('options', expected, value);
  if (strangers.length > 0) throw badValue('options', `${expected}, and nothing else`, strangers[0]);
  return options;
}

/** The values of an iterable, up to the first that is not good, which is for the caller to refuse. */
export function readValues<T>(value: Iterable<T>, name: string, expected: string, isGood: (value: T) => boolean): T[] {
  const values: T[] = [];
  try {
    if (typeof value === 'object' && typeof value?.[Symbol.iterator] === 'function') {
      for (const one of value) {
        values.push(one);
        if (!isGood(one)) break;
      }
      return values;
    }
  } catch (cause) {
    throw unreadable(name, expected, cause);
  }
  throw badType(name, expected, value);
}
