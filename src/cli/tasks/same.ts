/** `kcmp same --type vm A B`: do two tasks share one address space, descriptor table, …? */
import { compareTasks } from '../../binding/compare.ts';
import type { FileIdentity, TaskResource } from '../../index.ts';
import { taskSharing } from '../../inspect/tasks.ts';
import { taskId } from '../args.ts';
import type { Io } from '../io.ts';
import { printJson } from '../output/json.ts';
import { printAnswer, tell } from '../output/print.ts';
import { RESOURCE_WORDS, whyNot } from './resources.ts';

/** Says so, and whether they do. */
export function sameTasks(
  ids: readonly [string, string],
  type: TaskResource,
  json: boolean,
  io: Io,
): FileIdentity['relation'] {
  const [a, b] = [taskId(ids[0]), taskId(ids[1])];
  // One task makes no pair, but it has to exist.
  if (a === b) compareTasks(a, b, type);
  const pair = taskSharing([a, b]).resources[type][0];
  // A task has what it has, also where the kernel could not tell two tasks' nothing from their something.
  const verdict = a === b && pair?.code === undefined ? 'shared' : (pair?.verdict ?? 'unknown');
  const relation =
    verdict === 'shared' ? 'same' : verdict === 'separate' || verdict === 'none' ? 'different' : 'unknown';
  const what = RESOURCE_WORDS[type];
  if (json) printJson(io, { a, b, type, relation, verdict, ...(pair?.code === undefined ? {} : { code: pair.code }) });
  else if (a === b && verdict === 'shared') printAnswer(io, [`${a} and ${b} are one task.`]);
  else if (verdict === 'shared') printAnswer(io, [`${a} and ${b} share one ${what}.`]);
  else if (verdict === 'separate') printAnswer(io, [`${a} and ${b} do not share one ${what}.`]);
  else if (verdict === 'none') printAnswer(io, [`${a} and ${b} share no ${what}: neither has one.`]);
  if (verdict === 'shared-or-none')
    tell(io, `${a} and ${b} share one ${what} or have none: the kernel tells no difference`);
  if (verdict === 'unknown')
    tell(io, `${a} and ${b} could not be compared: ${whyNot(pair?.code ?? 'no answer', [a, b])}`);
  return relation;
}
