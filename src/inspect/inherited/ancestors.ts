/** Who may have given a process its descriptors: its parent, and whoever is further up. */
import { readStat } from '../../procfs/stat.ts';
import { requireTask, type SubjectError, subjectError } from '../../scan/subject.ts';

const NAME_ANOTHER = 'name another process to compare it with (from)';

/** The nearest first. */
export type Ancestors = [parent: number, ...others: number[]];

/**
 * Whoever a process descends from.
 * @throws ESRCH where it has none in this pid namespace
 */
export function ancestorsOf(pid: number): Ancestors {
  const { ppid } = requireTask(pid);
  if (ppid === 0) throw subjectError('ESRCH', pid, undefined, `has no parent in this pid namespace; ${NAME_ANOTHER}`);
  const ancestors: Ancestors = [ppid];
  for (let next = parentOf(ppid); next > 0 && !ancestors.includes(next); next = parentOf(next)) ancestors.push(next);
  return ancestors;
}

function parentOf(pid: number): number {
  const stat = readStat(pid);
  return typeof stat === 'string' ? 0 : stat.ppid;
}

/** Says of what is the matter with a parent that it is one, which nobody named. */
export function asParentOf(pid: number, error: unknown): unknown {
  const { code, pid: parent, message = '' } = error as Partial<SubjectError>;
  if (code === undefined || parent === undefined || parent === pid) return error;
  const why = message.replace(/^\w+: pid \d+ /, '');
  return subjectError(code, parent, undefined, `is the parent of pid ${pid}, and ${why}; ${NAME_ANOTHER}`);
}
