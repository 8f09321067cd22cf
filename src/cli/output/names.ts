/** Names of processes and times, for people. */
import { readText } from '../../procfs/read.ts';
import { PROC } from '../../procfs/root.ts';
import { readStat } from '../../procfs/stat.ts';

/** The task's name, or ? once it has ended. */
export function commandOf(pid: number): string {
  const stat = readStat(pid);
  return typeof stat === 'string' ? '?' : stat.command;
}

/** `4242 (node)`. */
export const named = (pid: number): string => `${pid} (${commandOf(pid)})`;

/** A start time in clock ticks since boot, as local time. USER_HZ is 100 on every architecture that is served. */
export function since(startTime: bigint | undefined): string {
  const stat = readText(`${PROC}/stat`, 'latin1');
  const boot = typeof stat === 'string' ? undefined : /^btime (\d+)$/m.exec(stat.text)?.[1];
  if (startTime === undefined || boot === undefined) return '?';
  const date = new Date((Number(boot) + Number(startTime) / 100) * 1000);
  const two = (value: number): string => `${value}`.padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
