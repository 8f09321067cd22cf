/** /proc/PID/status: as whom a task runs and whose child it is, which anybody may read, and nobody waits for. */
import { readText } from './read.ts';
import { PROC } from './root.ts';

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

/** The process of a thread; the id itself when it is gone. */
export function readProcess(task: number, root: string = PROC): number {
  const read = readText(`${root}/${task}/status`, 'latin1');
  return typeof read === 'string' ? task : Number(/^Tgid:\s*(\d+)$/m.exec(read.text)?.[1] ?? task);
}

/** The parent of a process, and whether it has an address space, which threads of the kernel have not. */
export function readKin(pid: number): { parent: number | undefined; hasSpace: boolean } {
  const read = readText(`${PROC}/${pid}/status`, 'latin1');
  const text = typeof read === 'string' ? '' : read.text;
  const parent = /^PPid:\s*(\d+)$/m.exec(text)?.[1];
  return { parent: parent === undefined ? undefined : Number(parent), hasSpace: /^VmSize:/m.test(text) };
}
