/** What a comparison of two tasks means, by what they were before and after it. Source: the order of do_exit() in kernel/exit.c. */
import type { KcmpType, TaskResource } from '../../binding/abi.ts';
import { errnoName } from '../../binding/errors.ts';
import { kcmpRaw } from '../../binding/syscall.ts';
import { readThreadStat, type Stat } from '../../procfs/stat.ts';
import { presence } from '../../scan/task-state.ts';

/**
 * `shared`, `separate`; `none`: neither has one (zombies, kernel threads); `shared-or-none`: the kernel cannot
 * tell these two apart; `unknown`: the comparison failed with `code`.
 */
export type SharingVerdict = 'shared' | 'separate' | 'none' | 'shared-or-none' | 'unknown';

type Answer =
  | { verdict: Exclude<SharingVerdict, 'unknown'>; code?: undefined }
  | {
      verdict: 'unknown';
      /** The name of the errno, such as EPERM. */
      code: string;
    };

/** Two tasks, and whether they share a resource. */
export type TaskPair = { a: number; b: number } & Answer;

const ATTEMPTS = 3;

/** What a task was like before and after a comparison; a string is the code of a read that failed. */
export interface Sight {
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
export function interpret(resource: TaskResource, result: number, a: Sight, b: Sight): Answer | undefined {
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
export function settle(a: number, b: number, resource: TaskResource, type: KcmpType): Answer {
  let code: string | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = [readThreadStat(a), readThreadStat(b)] as const;
    const result = kcmpRaw(a, b, type, 0, 0);
    const ofA = { before: before[0], after: readThreadStat(a) };
    const ofB = { before: before[1], after: readThreadStat(b) };
    const answer = interpret(resource, result, ofA, ofB);
    if (answer !== undefined) return answer;
    code = unseen(ofA) ?? unseen(ofB);
  }
  return { verdict: 'unknown', code: code ?? 'EAGAIN' };
}
