/** /proc/stat: when the machine started. Source: proc_stat(5). */
import { readText } from './read.ts';
import { PROC } from './root.ts';

/** Clock ticks a second, on every architecture that is served. */
const USER_HZ = 100;

let boot: number | undefined;

/** Seconds since 1970, or NaN. Read once: for this file the kernel sums up every interrupt. */
function bootTime(): number {
  const stat = readText(`${PROC}/stat`, 'latin1');
  return Number(typeof stat === 'string' ? NaN : /^btime (\d+)$/m.exec(stat.text)?.[1]);
}

/** A time in clock ticks since boot, as a date to the second or so; undefined where /proc does not tell. */
export function dateOf(ticks: number): Date | undefined {
  boot ??= bootTime();
  return Number.isNaN(boot) ? undefined : new Date((boot + ticks / USER_HZ) * 1000);
}
