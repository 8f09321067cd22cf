/** `kcmp tasks`: which of the six resources do tasks share? */
import type { TaskPair, TaskResource, TaskSharing } from '../../index.ts';
import { taskSharing } from '../../inspect/tasks.ts';
import { isListed, threadsOf } from '../../procfs/processes.ts';
import { PF_KTHREAD, readStat } from '../../procfs/stat.ts';
import { list, plural, some } from '../../util/text.ts';
import { table } from '../output/table.ts';
import { expect, parse, taskId, UsageError } from '../args.ts';
import type { Command, ExitCode, Io } from '../io.ts';
import { printJson } from '../output/json.ts';
import { commandOf, named } from '../output/names.ts';
import { printAnswer, tell } from '../output/print.ts';
import { RESOURCES, whyNot } from '../tasks/resources.ts';

/** A, B, … Z, AA: one for each set of tasks that share. */
const letter = (index: number): string =>
  (index >= 26 ? letter(Math.floor(index / 26) - 1) : '') + String.fromCharCode(65 + (index % 26));

/** One column of the matrix: what each task has, where sharers have the same letter. */
function column(tasks: number[], pairs: TaskPair[], lacks: (task: number) => boolean): string[] {
  const of = new Map<number, string>();
  const known = new Set<number>();
  const without = new Set<number>();
  let sets = 0;
  for (const { a, b, verdict } of pairs) {
    if (verdict !== 'unknown') known.add(a).add(b);
    if (verdict === 'none') without.add(a).add(b);
    if (verdict !== 'shared' && verdict !== 'shared-or-none') continue;
    const sign = of.get(a) ?? of.get(b) ?? `${letter(sets++)}${verdict === 'shared' ? '' : '?'}`;
    of.set(a, sign).set(b, sign);
  }
  // What is separate from another's, or seems shared, may be nothing.
  const hasNone = (task: number): boolean => without.has(task) || (known.has(task) && lacks(task));
  return tasks.map((task) => (hasNone(task) ? 'none' : (of.get(task) ?? (known.has(task) ? 'own' : '?'))));
}

/** By resource: whether a task of these lacks it by its state, which is no wait to read of who could be compared. */
function lackOf(report: TaskSharing): (task: number, resource: TaskResource) => boolean {
  const compared = allPairs(report).flatMap(({ a, b, verdict }) => (verdict === 'unknown' ? [] : [a, b]));
  const stats = new Map([...new Set(compared)].map((task) => [task, readStat(task)]));
  return (task, resource) => {
    const stat = stats.get(task);
    if (stat === undefined || typeof stat === 'string') return false;
    const isOfKernel = (stat.flags & PF_KTHREAD) !== 0;
    return (stat.state === 'Z' && resource !== 'sighand') || (isOfKernel && resource === 'vm');
  };
}

const allPairs = ({ resources }: TaskSharing): TaskPair[] => RESOURCES.flatMap((resource) => resources[resource]);

function sentence({ tasks, resources }: TaskSharing): string {
  const has = (pairs: TaskPair[], want: (pair: TaskPair) => boolean): boolean => pairs.length > 0 && pairs.every(want);
  const everybody = RESOURCES.filter((resource) => has(resources[resource], ({ verdict }) => verdict === 'shared'));
  const partly = RESOURCES.filter(
    (resource) => !everybody.includes(resource) && resources[resource].some(({ verdict }) => verdict === 'shared'),
  );
  const who = tasks.length === 2 ? list(tasks.map(named)) : `these ${tasks.length} tasks`;
  if (everybody.length > 0)
    return `${tasks.length === 2 ? who : `All of ${who}`} share ${list(everybody)}${partly.length > 0 ? `; some of them share ${list(partly)}` : ''}.`;
  if (partly.length > 0) return `Some of ${who} share ${list(partly)}.`;
  return `Nothing was found that ${who} share.`;
}

function text(report: TaskSharing): string[] {
  const { tasks, resources } = report;
  const lacks = lackOf(report);
  const columns = RESOURCES.map((resource) => column(tasks, resources[resource], (task) => lacks(task, resource)));
  const rows = tasks.map((task, i) => [`${task}`, ...columns.map((cells) => cells[i] ?? '?'), commandOf(task)]);
  const signs = columns.flat();
  return [
    sentence(report),
    '',
    ...table(['ID', ...RESOURCES.map((resource) => resource.toUpperCase()), 'COMMAND'], rows, [0]),
    '',
    'The same letter in a column: shared.',
    ...(signs.some((sign) => /[A-Z]\?/.test(sign))
      ? ['A letter with ?: shared, or none of them has one; the kernel tells no difference.']
      : []),
    ...(signs.includes('none') ? ['none: there is none to share, as in zombies and kernel threads.'] : []),
  ];
}

/** Of many tasks no matrix, which nobody could read: for each resource the sets that share one. */
function manyText({ tasks, groups }: TaskSharing): string[] {
  const sets = (all: number[][]): string => {
    const [largest] = all.toSorted((a, b) => b.length - a.length);
    if (largest === undefined) return 'nothing that is known to be shared';
    if (largest.length === tasks.length) return 'one for all';
    const sharers = all.reduce((sum, { length }) => sum + length, 0);
    return `${plural(all.length, 'set')} of ${sharers} tasks, the largest of ${largest.length}: ${some(largest.map(String), 5)}`;
  };
  return [
    `What these ${tasks.length} tasks share:`,
    '',
    ...table(
      ['RESOURCE', 'SHARED'],
      RESOURCES.map((resource) => [resource, sets(groups[resource])]),
    ),
  ];
}

function idsOf(rest: string[], threads: string | undefined): number[] {
  if (threads !== undefined) {
    expect('tasks --threads PID', rest);
    const pid = taskId(threads);
    if (!isListed(pid)) throw new Error(`there is no process ${pid}, or /proc hides it`);
    return threadsOf(pid);
  }
  const ids = [...new Set(rest.map(taskId))];
  if (ids.length < 2)
    throw new UsageError('expected kcmp tasks ID ID..., two different ones at least, or kcmp tasks --threads PID');
  return ids;
}

export const run: Command = (args, io) => {
  const parsed = parse('tasks', args, { threads: { type: 'string' } });
  const ids = idsOf(parsed.rest, parsed.value('threads'));
  const report = taskSharing(ids);
  if (parsed.flag('json')) printJson(io, report);
  else if (report.tasks.length < 2)
    printAnswer(io, [`${named(ids[0] ?? 0)} has one thread only, so nothing is shared.`]);
  else printAnswer(io, report.resources.vm.length > 0 ? text(report) : manyText(report));
  const pairs = allPairs(report);
  const unknown = pairs.filter(({ verdict }) => verdict === 'unknown');
  if (pairs.length === 0) return codeOfMany(report, io);
  if (unknown.length > 0) {
    const codes = [...new Set(unknown.map(({ code = 'no code' }) => code))];
    const gone = ids.filter((id) => !isListed(id));
    const who =
      gone.length === 0
        ? ''
        : `; there ${gone.length === 1 ? 'is no task' : 'are no tasks'} ${list(gone.map(String))}, or /proc hides ${gone.length === 1 ? 'it' : 'them'}`;
    tell(
      io,
      `${plural(unknown.length, 'comparison')} of ${pairs.length} could not be made: ${codes.map((code) => whyNot(code, ids)).join('; ')}${who}`,
    );
  }
  // An id that is nobody's is a mistake, whatever the others share; a thread that was listed has ended meanwhile.
  if (parsed.value('threads') === undefined && unknown.some(({ code }) => code === 'ESRCH')) return 2;
  if (pairs.some(({ verdict }) => verdict === 'shared')) return 0;
  return unknown.length > 0 ? 2 : 1;
};

function codeOfMany({ groups, skipped }: TaskSharing, io: Io): ExitCode {
  const codes = [...new Set(skipped.map(({ code }) => code))];
  if (skipped.length > 0) tell(io, `${plural(skipped.length, 'task')} could not be compared: ${codes.join(', ')}`);
  if (RESOURCES.some((resource) => groups[resource].length > 0)) return 0;
  return skipped.length > 0 ? 2 : 1;
}
