/** Reads the arguments of a command: options by parseArgs, references to descriptors and tasks. */
import type { FileRef } from '../index.ts';
import { nearest } from './suggest.ts';

// Not an import statement: that takes a millisecond or two longer.
const { parseArgs } = process.getBuiltinModule('node:util');

const MAX = 2 ** 31 - 1;
const NUMBER = /^\d{1,10}$/;

/** The command line is wrong: the message says what was expected. */
export class UsageError extends Error {
  static {
    this.prototype.name = 'UsageError';
  }
}

interface OptionSpec {
  type: 'string' | 'boolean';
  multiple?: boolean;
}

export interface Parsed {
  /** What is no option, in order. */
  rest: string[];
  flag(name: string): boolean;
  value(name: string): string | undefined;
  values(name: string): string[];
}

/** parseArgs with --json added, and with errors of one line that name the command; of two values none is left out silently. */
export function parse(command: string, args: string[], options: Record<string, OptionSpec> = {}): Parsed {
  const known: Record<string, OptionSpec> = { json: { type: 'boolean' }, ...options };
  let values: Record<string, unknown>;
  let rest: string[];
  let given: string[];
  try {
    const parsed = parseArgs({ args, options: known, allowPositionals: true, tokens: true });
    ({ values, positionals: rest } = parsed);
    given = parsed.tokens.flatMap((token) => (token.kind === 'option' ? [token.name] : []));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code?.startsWith('ERR_PARSE_ARGS') !== true) throw error;
    const [first = message] = message.replaceAll(/'(-[^']*)'/g, '$1').split(/\.\s/);
    throw new UsageError(
      `${first.charAt(0).toLowerCase()}${first.slice(1)}; ${meant(first, Object.keys(known))}see kcmp ${command} --help`,
    );
  }
  const isOne = (name: string): boolean => known[name]?.type === 'string' && known[name].multiple !== true;
  const twice = given.find((name, i) => isOne(name) && given.indexOf(name) < i);
  if (twice !== undefined) throw new UsageError(`--${twice} is given more than once`);
  return {
    rest,
    flag: (name) => values[name] === true,
    value: (name) => values[name] as string | undefined,
    values: (name) => [values[name] ?? []].flat() as string[],
  };
}

/** `did you mean --check? `, of an option that is unknown. */
function meant(message: string, options: readonly string[]): string {
  const word = nearest(/^Unknown option --(\S+)/.exec(message)?.[1] ?? '', options);
  return word === undefined ? '' : `did you mean --${word}? `;
}

/** Exactly so many arguments, or an error that shows which. */
export function expect(command: string, rest: string[], ...names: string[]): void {
  if (rest.length === names.length) return;
  const usage = ['kcmp', command, ...names].join(' ');
  const extra = rest[names.length];
  throw new UsageError(
    extra === undefined
      ? `missing ${names.slice(rest.length).join(' and ')}; expected ${usage}`
      : `unexpected ${extra}; expected ${usage}`,
  );
}

function toNumber(text: string | undefined, min: number): number | undefined {
  if (text === undefined || !NUMBER.test(text)) return undefined;
  const value = Number(text);
  return value >= min && value <= MAX ? value : undefined;
}

/** A number that an option needs. */
export function atLeast(option: string, text: string, min: number): number {
  const value = toNumber(text, min);
  if (value === undefined) throw new UsageError(`--${option} ${text || "''"} is no number from ${min} up`);
  return value;
}

/** PID:FD, /proc/PID/fd/FD or /proc/PID/task/TID/fd/FD. */
export function fileRef(text: string): FileRef {
  const match = /^(\d+):(\d+)$/.exec(text) ?? /^\/proc\/(?:\d+\/task\/)?(\d+)\/fd\/(\d+)\/?$/.exec(text);
  const pid = toNumber(match?.[1], 1);
  const fd = toNumber(match?.[2], 0);
  if (pid === undefined || fd === undefined) {
    throw new UsageError(`${text} is no descriptor; expected PID:FD or /proc/PID/fd/FD, such as 4242:7`);
  }
  return { pid, fd };
}

/** PID, TID, /proc/PID or /proc/PID/task/TID. */
export function taskId(text: string): number {
  const match = /^(\d+)$/.exec(text) ?? /^\/proc\/(?:\d+\/task\/)?(\d+)\/?$/.exec(text);
  const id = toNumber(match?.[1], 1);
  if (id === undefined) throw new UsageError(`${text} is no process or thread; expected PID or TID, such as 4242`);
  return id;
}

/** A descriptor, or a process with all of its. */
export function fileOrTask(text: string): { pid: number; fd?: number } {
  const looksLikeTask = !/[:]|\/fd\//.test(text);
  try {
    return looksLikeTask ? { pid: taskId(text) } : fileRef(text);
  } catch {
    throw new UsageError(
      `${text} is no process or epoll descriptor; expected PID, PID:EFD or /proc/PID/fd/EFD, such as 4242:5`,
    );
  }
}

/** One of some words, or undefined when the option was not given. */
export function choice<T extends string>(
  option: string,
  value: string | undefined,
  words: readonly T[],
): T | undefined {
  if (value === undefined) return undefined;
  const word = words.find((candidate) => candidate === value);
  if (word === undefined) throw new UsageError(`--${option} ${value || "''"} is unknown; expected ${words.join(', ')}`);
  return word;
}
