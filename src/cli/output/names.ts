/** Names of processes, users and times, for people. */
import { readText } from '../../procfs/read.ts';
import { readStat } from '../../procfs/stat.ts';

/** The task's name, or ? once it has ended. */
export function commandOf(pid: number): string {
  const stat = readStat(pid);
  return typeof stat === 'string' ? '?' : stat.command;
}

/** `4242 (node)`. */
export const named = (pid: number): string => `${pid} (${commandOf(pid)})`;

/** A date as local time; ? where there is none. */
export function timeOf(date: Date | undefined): string {
  if (date === undefined) return '?';
  const two = (value: number): string => `${value}`.padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** The user's name where /etc/passwd has one, else the number. */
export function userOf(uid: number): string {
  const read = readText('/etc/passwd', 'utf8');
  const line = typeof read === 'string' ? undefined : new RegExp(`^([^:\n]+):[^:\n]*:${uid}:`, 'm').exec(read.text);
  return line?.[1] ?? `${uid}`;
}
