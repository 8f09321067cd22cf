/**
 * Which resources tasks share. kcmp(2) answers 0 also where both tasks have none (NULL equals NULL), so that
 * the tasks' states, read again after the comparison, decide what a 0 means.
 *
 * Source: kernel/kcmp.c.
 */
import { type KcmpType, TASK_RESOURCE_TYPES, type TaskResource } from '../binding/abi.ts';
import { kcmpRaw, load } from '../binding/syscall.ts';
import { checkProc } from '../procfs/root.ts';
import { readStat, type Stat } from '../procfs/stat.ts';
import { checkIds } from '../scan/options.ts';
import { type Asked, finish, part, type Steps } from '../scan/steps.ts';
import { isStuckInExec } from '../scan/busy.ts';
import { sharersOf } from './tasks/sharers.ts';
import { interpret, settle, type Sight, type TaskPair } from './tasks/verdict.ts';
import { ERRNO } from '../util/errno.ts';

const { EBUSY } = ERRNO;

/** What {@link taskSharing} found out about tasks. */
export interface TaskSharing {
  tasks: number[];
  /** For each resource, every pair of tasks; none where these are more than 64. */
  resources: Record<TaskResource, TaskPair[]>;
  /** For each resource, the sets of tasks that share one, each ascending. */
  groups: Record<TaskResource, number[][]>;
  /** Tasks that could not be compared, with the errno's name. */
  skipped: Array<{ id: number; code: string }>;
}

/** Of more tasks only the sets that share are told, not every pair. */
const MANY = 64;

/**
 * `kcmp(a, b, KCMP_VM | KCMP_FILES | KCMP_FS | KCMP_SIGHAND | KCMP_IO | KCMP_SYSVSEM)` — which of the six
 * resources do these tasks share, pair by pair?
 *
 * `shared` is said only when at least one of the two has the resource for sure: zombies have no address space,
 * files or fs, kernel threads no address space (`none`), and of I/O contexts and undo lists the kernel does not
 * tell whether there is one (`shared-or-none`; so also of a task on its way out). A pair that cannot be compared
 * is `unknown` with the code and does not disturb the others; where a filter blocks the call, all are.
 *
 * @param ids - processes and threads, each 1 … 2^31−1; an id given twice counts once
 * @returns the tasks as given; for each resource the sets of tasks that share it, and of up to 64 tasks every pair once,
 *   `a` given before `b`
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` — a bad argument
 * @throws Error `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`, `ERR_KOFFI_UNAVAILABLE`, `ERR_PROC_UNAVAILABLE`
 * @example taskSharing([process.pid, process.ppid]).groups.files; // who shares a whole descriptor table
 * @since Linux 3.5
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, kernel/kcmp.c, clone(2) on CLONE_VM, CLONE_FILES, CLONE_FS, CLONE_SIGHAND, CLONE_IO and CLONE_SYSVSEM
 */
export function taskSharing(ids: Iterable<number>): TaskSharing {
  return finish(askTasks(ids));
}

/** {@link taskSharing}, in steps. */
export function askTasks(ids: Iterable<number>): Asked<TaskSharing> {
  return { steps: sharingOf(checkIds(ids, 'ids', 'an iterable of task ids')) };
}

function* sharingOf(tasks: number[]): Steps<TaskSharing> {
  checkProc();
  load();
  const busy = new Set<number>();
  for (const task of tasks) {
    if (yield* isStuckInExec(task)) busy.add(task);
    yield;
  }
  const free = tasks.filter((task) => !busy.has(task));
  const resources = yield* pairsOf(tasks.length > MANY ? [] : tasks, busy);
  const groups = {} as TaskSharing['groups'];
  const skipped = new Map([...busy].map((task) => [task, 'EBUSY']));
  for (const [i, [resource, type]] of [...TASK_RESOURCE_TYPES].entries()) {
    const steps = sharersOf(free, resource, type, (id, code) => skipped.set(id, code));
    // What the kernel cannot tell from nothing is never told to be shared.
    groups[resource] = resource === 'io' || resource === 'sysvsem' ? [] : yield* part(i / 6, (i + 1) / 6, steps);
  }
  return { tasks, resources, groups, skipped: [...skipped].map(([id, code]) => ({ id, code })) };
}

/** @param busy - those that a comparison would wait for */
function* pairsOf(tasks: readonly number[], busy: ReadonlySet<number>): Steps<TaskSharing['resources']> {
  const read = (id: number): Stat | string => (busy.has(id) ? 'EBUSY' : readStat(id));
  const compare = (a: number, b: number, type: KcmpType): number =>
    busy.has(a) || busy.has(b) ? -EBUSY : kcmpRaw(a, b, type, 0, 0);
  const before = tasks.map(read);
  const results = new Map<TaskResource, number[]>();
  for (const [resource, type] of TASK_RESOURCE_TYPES) {
    const raw: number[] = [];
    yield* eachPair(tasks.length, (i, j) => raw.push(compare(tasks[i] as number, tasks[j] as number, type)));
    results.set(resource, raw);
  }
  // Each task is read once for all its pairs; only the pairs of a task that changed are asked again.
  const sights = tasks.map((id, i): Sight => ({ before: before[i] as Stat | string, after: read(id) }));
  const resources = {} as TaskSharing['resources'];
  for (const [resource, type] of TASK_RESOURCE_TYPES) {
    const pairs: TaskPair[] = [];
    yield* eachPair(tasks.length, (i, j) => {
      const [a, b] = [tasks[i] as number, tasks[j] as number];
      const result = results.get(resource)?.[pairs.length] as number;
      const answer = interpret(resource, result, sights[i] as Sight, sights[j] as Sight);
      pairs.push({ a, b, ...(answer ?? settle(a, b, resource, type)) });
    });
    resources[resource] = pairs;
  }
  return resources;
}

function* eachPair(count: number, visit: (i: number, j: number) => void): Steps<void> {
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++) visit(i, j);
    yield;
  }
}
