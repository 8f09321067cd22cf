/** Names of processes and times, for people. */
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
