/** The parent of a process: whom it is compared with where nobody is named. */
import { requireTask, type SubjectError, subjectError } from '../../scan/subject.ts';

const NAME_ANOTHER = 'name another process to compare it with (from)';

/** @throws ESRCH where it has none in this pid namespace */
export function parentOf(pid: number): number {
  const { ppid } = requireTask(pid);
  if (ppid === 0) throw subjectError('ESRCH', pid, undefined, `has no parent in this pid namespace; ${NAME_ANOTHER}`);
  return ppid;
}

/** Says of what is the matter with a parent that it is one, which nobody named. */
export function asParentOf(pid: number, error: unknown): unknown {
  const { code, pid: parent, message = '' } = error as Partial<SubjectError>;
  if (code === undefined || parent === undefined || parent === pid) return error;
  const why = message.replace(/^\w+: pid \d+ /, '');
  return subjectError(code, parent, undefined, `is the parent of pid ${pid}, and ${why}; ${NAME_ANOTHER}`);
}
