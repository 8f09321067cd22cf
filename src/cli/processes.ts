/** The little that the command itself asks /proc: names for people, threads, descendants. */
import type { FileRef } from '../index.ts';

const { existsSync, readdirSync, readFileSync, readlinkSync } = process.getBuiltinModule('node:fs');

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

const numbers = (path: string): number[] => readdirSync(path).filter((name) => /^\d+$/.test(name)).map(Number);

/** Whether there is such a task, as far as /proc shows. */
export const exists = (pid: number): boolean => existsSync(`/proc/${pid}`);

/** The task's name, or ? once it has ended. */
export const commandOf = (pid: number): string => read(`/proc/${pid}/comm`)?.replace(/\n$/, '') ?? '?';

/** `4242 (node)`. */
export const named = (pid: number): string => `${pid} (${commandOf(pid)})`;

/** What a descriptor is, as its /proc link reads; null when it cannot be read. */
export function linkOf({ pid, fd }: FileRef): string | null {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return null;
  }
}

/** Every thread of a process. */
export const threadsOf = (pid: number): number[] => numbers(`/proc/${pid}/task`);

export const allProcesses = (): number[] => numbers('/proc');

/** The process of a thread. */
export const processOf = (task: number): number =>
  Number(/^Tgid:\s*(\d+)$/m.exec(read(`/proc/${task}/status`) ?? '')?.[1] ?? task);

/** A process, or that of a thread, and all its descendants, by the parents that /proc names at this moment. */
export function treeOf(task: number): number[] {
  const root = processOf(task);
  const children = new Map<number, number[]>();
  for (const pid of allProcesses()) {
    // The name may hold spaces and parentheses: the fields start after the last one.
    const stat = read(`/proc/${pid}/stat`);
    const parent = Number(stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (stat !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** A start time in clock ticks since boot, as local time. USER_HZ is 100 on every architecture that is served. */
export function since(startTime: bigint | undefined): string {
  const boot = /^btime (\d+)$/m.exec(read('/proc/stat') ?? '')?.[1];
  if (startTime === undefined || boot === undefined) return '?';
  const date = new Date((Number(boot) + Number(startTime) / 100) * 1000);
  const two = (value: number): string => `${value}`.padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
