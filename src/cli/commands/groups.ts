/** `kcmp groups`: the open file descriptions that several descriptors refer to. */
import { groupFiles, type FileGroup, type GroupReport } from '../../index.ts';
import { GRAPH_LANGUAGES, render } from '../../draw/graph.ts';
import { byTask, sharingGraph } from '../../draw/sharing-graph.ts';
import { isListed, treeOf } from '../../procfs/processes.ts';
import { describeFile, list, plural } from '../../util/text.ts';
import { choice, parse, taskId, UsageError } from '../args.ts';
import type { Command } from '../io.ts';
import { scanCode, tellPartial } from '../output/coverage.ts';
import { printJson } from '../output/json.ts';
import { named } from '../output/names.ts';
import { groupsWithoutUs } from '../output/observer.ts';
import { print, printAnswer, tell } from '../output/print.ts';
import { withProgress } from '../output/progress.ts';

/** Names are asked once: a server may appear in a thousand groups. */
function namer(): (pid: number) => string {
  const names = new Map<number, string>();
  return (pid) => {
    const name = names.get(pid) ?? named(pid);
    names.set(pid, name);
    return name;
  };
}

const title = ({ id, kind, link }: FileGroup): string => `${id}. ${describeFile(kind, link)}`;

function text({ groups, sharedTables, coverage }: GroupReport): string[] {
  const name = namer();
  const where = `among ${plural(coverage.processes, 'process', 'processes')}`;
  return [
    groups.length === 0
      ? `No open file description has two holders or more ${where}.`
      : `${plural(groups.length, 'open file description has', 'open file descriptions have')} two holders or more ${where}.`,
    ...groups.flatMap((group) => [
      '',
      title(group),
      ...[...byTask(group.holders)].map(
        ([pid, fds]) => `   ${name(pid)}: ${fds.length === 1 ? 'fd' : 'fds'} ${fds.join(', ')}`,
      ),
    ]),
    ...(sharedTables.length === 0 ? [] : ['']),
    ...sharedTables.map(
      ({ pid, sharedWith }) =>
        `${name(pid)} has its whole descriptor table in common with ${list(sharedWith.map(name))}.`,
    ),
  ];
}

export const run: Command = (args, io) => {
  const parsed = parse('groups', args, { tree: { type: 'string' }, graph: { type: 'string' } });
  const language = choice('graph', parsed.value('graph'), GRAPH_LANGUAGES);
  if (language !== undefined && parsed.flag('json')) throw new UsageError('--graph and --json exclude each other');
  const tree = parsed.value('tree');
  const roots = [...parsed.rest, ...(tree === undefined ? [] : [tree])].map(taskId);
  const missing = roots.filter((pid) => !isListed(pid));
  const pids = tree === undefined ? roots : [...new Set([...roots, ...treeOf(taskId(tree))])];
  for (const pid of missing) tell(io, `there is no process ${pid}, or /proc hides it`);
  if (missing.length > 0 && missing.length === roots.length) return 2;
  const report = withProgress(io, (options) =>
    roots.length === 0 ? groupsWithoutUs(groupFiles(options)) : groupFiles({ ...options, pids }),
  );
  if (language !== undefined) print(io, render(sharingGraph(report, namer()), language));
  else if (parsed.flag('json')) printJson(io, report);
  else printAnswer(io, text(report));
  tellPartial(io, report.coverage);
  return missing.length > 0 ? 2 : scanCode(report.groups.length > 0, report.coverage);
};
