/** Names of processes, users and times, for people. */
import { readText } from '../../procfs/read.ts';
import { PROC } from '../../procfs/root.ts';

/** The task's name, or ? once it has ended. */
export function commandOf(pid: number): string {
  // Unlike stat it waits for nobody, such as one that is stuck in exec.
  const comm = readText(`${PROC}/${pid}/comm`, 'utf8');
  return typeof comm === 'string' ? '?' : comm.text.replace(/\n$/, '');
}

/** `4242 (node)`. */
export const named = (pid: number): string => `${pid} (${commandOf(pid)})`;

/** Whoever has one of these has nothing in common with others by it. */
export const PLAIN: ReadonlySet<string | null> = new Set(
  ['null', 'zero', 'full', 'random', 'urandom'].map((name) => `/dev/${name}`),
);

/** A date as local time; ? where there is none. */
export function timeOf(date: Date | undefined): string {
  if (date === undefined) return '?';
  const two = (value: number): string => `${value}`.padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

let users: ReadonlyArray<readonly [uid: number, name: string]> | undefined;

/** What /etc/passwd has, in its order: one number may have several names. */
function readUsers(): NonNullable<typeof users> {
  const read = readText('/etc/passwd', 'utf8');
  const lines = typeof read === 'string' ? [] : read.text.matchAll(/^([^:\n]+):[^:\n]*:(\d+):/gm);
  return (users ??= Array.from(lines, ([, name = '', uid]) => [Number(uid), name]));
}

/** The user's first name where /etc/passwd has one, else the number. */
export const userOf = (uid: number): string => readUsers().find(([id]) => id === uid)?.[1] ?? `${uid}`;

/** A user's number, by that or by a name that /etc/passwd has. */
export function uidOf(user: string): number | undefined {
  if (/^\d{1,10}$/.test(user)) return Number(user);
  return readUsers().find(([, name]) => name === user)?.[0];
}
