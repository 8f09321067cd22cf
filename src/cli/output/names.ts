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

let boot: number | undefined;

/** When the machine started, in seconds since 1970, or NaN. Read once: for this file the kernel sums up every interrupt. */
function bootTime(): number {
  const stat = readText(`${PROC}/stat`, 'latin1');
  return Number(typeof stat === 'string' ? NaN : /^btime (\d+)$/m.exec(stat.text)?.[1]);
}

/** A start time in clock ticks since boot, as local time. USER_HZ is 100 on every architecture that is served. */
export function since(startTime: bigint | undefined): string {
  boot ??= bootTime();
  if (startTime === undefined || Number.isNaN(boot)) return '?';
  const date = new Date((boot + Number(startTime) / 100) * 1000);
  const two = (value: number): string => `${value}`.padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
