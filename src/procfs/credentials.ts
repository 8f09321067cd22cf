/** /proc/PID/status: as whom a task runs, which anybody may read. */
import { fs } from './fs.ts';
import { PROC } from './processes.ts';
import { codeOf, readText } from './read.ts';

/** The identity that ptrace_may_access() looks at. */
export interface Credentials {
  /** Real, effective and saved user ids. */
  uids: number[];
  /** Real, effective and saved group ids. */
  gids: number[];
  /** Bit masks of capabilities. */
  permitted: bigint;
  effective: bigint;
}

const ids = (text: string, name: string): number[] =>
  (new RegExp(`^${name}:\\s*(\\d+)\\s+(\\d+)\\s+(\\d+)`, 'm').exec(text)?.slice(1) ?? []).map(Number);
const mask = (text: string, name: string): bigint =>
  BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)`, 'm').exec(text)?.[1] ?? '0'}`);

/** The credentials in a status file's text. */
export const parseCredentials = (text: string): Credentials => ({
  uids: ids(text, 'Uid'),
  gids: ids(text, 'Gid'),
  permitted: mask(text, 'CapPrm'),
  effective: mask(text, 'CapEff'),
});

/** The credentials of a task, or the errno's name. */
export function readCredentials(pid: number | 'self', root: string = PROC): Credentials | string {
  const read = readText(`${root}/${pid}/status`, 'latin1');
  return typeof read === 'string' ? read : parseCredentials(read.text);
}

/**
 * Who owns a task's descriptors, or the errno's name: its effective user, but root when it is not dumpable.
 * The directory /proc/PID itself always names the user.
 */
export function readOwner(pid: number, root: string = PROC): number | string {
  try {
    return fs().statSync(`${root}/${pid}/fd`).uid;
  } catch (error) {
    return codeOf(error);
  }
}

/** Is there an entry for this task? With 'self': is /proc mounted? */
export function isListed(pid: number | 'self', root: string = PROC): boolean {
  try {
    return fs().statSync(`${root}/${pid}`, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    codeOf(error);
    return false;
  }
}
