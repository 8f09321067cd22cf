/**
 * Does a task have a resource? What has ended has let go of most, and kcmp(2) takes nothing for equal to nothing.
 *
 * Source: the order of do_exit() in kernel/exit.c.
 */
import type { TaskResource } from '../binding/abi.ts';
import { threadsOf } from '../procfs/processes.ts';
import { hasEnded, PF_KTHREAD, readThreadStat, type Stat } from '../procfs/stat.ts';

/** Flags of a task, from include/linux/sched.h. */
const PF_EXITING = 0x00000004;

/**
 * `maybe` while it exits: do_exit() lets go of its resources one by one, before the state says zombie.
 * A zombie keeps its signal dispositions; a kernel thread has files and fs.
 */
export function presence(resource: TaskResource, { state, flags }: Stat): 'yes' | 'no' | 'maybe' {
  if (resource === 'sighand') return 'yes';
  if (resource === 'vm' && (flags & PF_KTHREAD) !== 0) return 'no';
  if (/[ZXx]/.test(state)) return 'no';
  return (flags & PF_EXITING) === 0 ? 'yes' : 'maybe';
}

/** Whether a task has a descriptor table for sure. */
export function hasTable(id: number): boolean {
  const stat = readThreadStat(id);
  return typeof stat !== 'string' && presence('files', stat) === 'yes';
}

/** A process, or where its first thread has ended, which had the table that it is asked about by, one that goes on. */
export const livingTask = (pid: number): number =>
  hasEnded(pid) ? (threadsOf(pid).find((tid) => tid !== pid && hasTable(tid)) ?? pid) : pid;
