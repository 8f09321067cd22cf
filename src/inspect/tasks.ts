/**
 * Which resources tasks share. kcmp(2) answers 0 also where both tasks have none (NULL equals NULL), so that
 * the tasks' states, read again after the comparison, decide what a 0 means.
 *
 * Source: kernel/kcmp.c.
 */
import { type KcmpType, TASK_RESOURCE_TYPES, type TaskResource } from '../binding/abi.ts';
import { badInt31, badType, isInt31 } from '../binding/arguments.ts';
import { errnoName } from '../binding/errors.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { checkProc } from '../procfs/root.ts';
import { readStat, type Stat } from '../procfs/stat.ts';
import { presence } from '../scan/task-state.ts';

/**
 * `shared`, `separate`; `none`: neither has one (zombies, kernel threads); `shared-or-none`: the kernel cannot
 * tell these two apart; `unknown`: the comparison failed with `code`.
 */
export type SharingVerdict = 'shared' | 'separate' | 'none' | 'shared-or-none' | 'unknown';

/** Two tasks, and whether they share a resource. */
export interface TaskPair {
  a: number;
  b: number;
  verdict: SharingVerdict;
  code?: string;
}

/** What {@link taskSharing} found out about tasks. */
export interface TaskSharing {
  tasks: number[];
  /** For each resource, every pair of tasks. */
  resources: Record<TaskResource, TaskPair[]>;
}

const ATTEMPTS = 3;

type Answer = Pick<TaskPair, 'verdict' | 'code'>;

/** What a task was like before and after a comparison; a string is the code of a read that failed. */
interface Sight {
  before: Stat | string;
  after: Stat | string;
}

/** The presence that held during the comparison, or undefined if the task changed meanwhile or could not be seen. */
function steadyPresence(resource: TaskResource, { before, after }: Sight): ReturnType<typeof presence> | undefined {
  if (typeof before === 'string' || typeof after === 'string' || before.startTime !== after.startTime) return undefined;
  const now = presence(resource, after);
  return presence(resource, before) === now ? now : undefined;
}

/** What the kernel's result means; undefined when a task changed, so that it has to be asked again. */
function interpret(resource: TaskResource, result: number, a: Sight, b: Sight): Answer | undefined {
  if (result < 0) return { verdict: 'unknown', code: errnoName(result) };
  if (result > 0) return { verdict: 'separate' };
  if (resource === 'io' || resource === 'sysvsem') return { verdict: 'shared-or-none' };
  const ofA = steadyPresence(resource, a);
  const ofB = steadyPresence(resource, b);
  if (ofA === undefined || ofB === undefined) return undefined;
  // One that is there for sure is not NULL, and so neither is what equals it.
  if (ofA === 'yes' || ofB === 'yes') return { verdict: 'shared' };
  return { verdict: ofA === 'no' || ofB === 'no' ? 'none' : 'shared-or-none' };
}

const unseen = ({ before, after }: Sight): string | undefined =>
  typeof after === 'string' ? after : typeof before === 'string' ? before : undefined;

/** Asks again, with both tasks read right before and after. */
function settle(a: number, b: number, resource: TaskResource, type: KcmpType): Answer {
  let code: string | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = [readStat(a), readStat(b)] as const;
    const result = kcmpRaw(a, b, type, 0, 0);
    const ofA = { before: before[0], after: readStat(a) };
    const ofB = { before: before[1], after: readStat(b) };
    const answer = interpret(resource, result, ofA, ofB);
    if (answer !== undefined) return answer;
    code = unseen(ofA) ?? unseen(ofB);
  }
  return { verdict: 'unknown', code: code ?? 'EAGAIN' };
}

function checkIds(ids: Iterable<number>): number[] {
  if (typeof (ids as Iterable<number> | undefined)?.[Symbol.iterator] !== 'function') {
    throw badType('ids', 'an iterable of task ids', ids);
  }
  const given = [...ids];
  for (const [i, id] of given.entries()) if (!isInt31(id)) throw badInt31(`ids[${i}]`, id);
  return [...new Set(given)];
}

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
 * @returns the tasks as given, and for each resource every pair once, `a` given before `b`
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` — a bad argument
 * @throws Error `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`, `ERR_KOFFI_UNAVAILABLE`, `ERR_PROC_UNAVAILABLE`
 * @since Linux 3.5
 * @see kernel/kcmp.c, clone(2) on CLONE_VM, CLONE_FILES, CLONE_FS, CLONE_SIGHAND, CLONE_IO and CLONE_SYSVSEM
 */
export function taskSharing(ids: Iterable<number>): TaskSharing {
  const tasks = checkIds(ids);
  checkProc();
  const before = tasks.map((id) => readStat(id));
  const results = new Map<TaskResource, number[]>();
  for (const [resource, type] of TASK_RESOURCE_TYPES) {
    const raw: number[] = [];
    eachPair(tasks.length, (i, j) => raw.push(kcmpRaw(tasks[i] as number, tasks[j] as number, type, 0, 0)));
    results.set(resource, raw);
  }
  // Each task is read once for all its pairs; only the pairs of a task that changed are asked again.
  const sights = tasks.map((id, i): Sight => ({ before: before[i] as Stat | string, after: readStat(id) }));
  const resources = {} as TaskSharing['resources'];
  for (const [resource, type] of TASK_RESOURCE_TYPES) {
    const pairs: TaskPair[] = [];
    eachPair(tasks.length, (i, j) => {
      const [a, b] = [tasks[i] as number, tasks[j] as number];
      const result = results.get(resource)?.[pairs.length] as number;
      const answer = interpret(resource, result, sights[i] as Sight, sights[j] as Sight);
      pairs.push({ a, b, ...(answer ?? settle(a, b, resource, type)) });
    });
    resources[resource] = pairs;
  }
  return { tasks, resources };
}

function eachPair(count: number, visit: (i: number, j: number) => void): void {
  for (let i = 0; i < count; i++) for (let j = i + 1; j < count; j++) visit(i, j);
}
