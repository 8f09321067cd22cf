/** `kcmp groups`: the open file descriptions that several descriptors refer to. */
import { groupFiles, type FileGroup, type FileRef, type GroupReport } from '../../index.ts';
import { choice, parse, taskId, UsageError } from '../args.ts';
import { scanCode, tellPartial } from '../coverage.ts';
import { GRAPH_LANGUAGES, render, type Graph } from '../graph.ts';
import type { Command } from '../io.ts';
import { printJson } from '../json.ts';
import { exists, named, treeOf } from '../processes.ts';
import { withProgress } from '../progress.ts';
import { file, list, plural, print, tell } from '../text.ts';

/** The descriptors of each task. */
function byTask(holders: FileRef[]): Map<number, number[]> {
  const tasks = new Map<number, number[]>();
  for (const { pid, fd } of holders) {
    const fds = tasks.get(pid);
    if (fds === undefined) tasks.set(pid, [fd]);
    else fds.push(fd);
  }
  return tasks;
}

/** Names are asked once: a server may appear in a thousand groups. */
function namer(): (pid: number) => string {
  const names = new Map<number, string>();
  return (pid) => {
    const name = names.get(pid) ?? named(pid);
    names.set(pid, name);
    return name;
  };
}

const title = ({ id, kind, link }: FileGroup): string => `${id}. ${file(kind, link)}`;

function text({ groups, sharedTables, coverage }: GroupReport): string[] {
  const name = namer();
  const where = `among ${plural(coverage.processes, 'process', 'processes')}`;
  return [
    groups.length === 0
      ? `No open file description has two holders or more ${where}.`
      : `${plural(groups.length, 'open file description has', 'open file descriptions have')} two holders or more ${where}.`,
    ...groups.flatMap((group) => [
      '', title(group),
      ...[...byTask(group.holders)].map(([pid, fds]) => `   ${name(pid)}: ${fds.length === 1 ? 'fd' : 'fds'} ${fds.join(', ')}`),
    ]),
    ...(sharedTables.length === 0 ? [] : ['']),
    ...sharedTables.map(({ pid, sharedWith }) =>
      `${name(pid)} has its whole descriptor table in common with ${list(sharedWith.map(name))}.`),
  ];
}

function toGraph({ groups }: GroupReport): Graph {
  const name = namer();
  const graph: Graph = { nodes: [], edges: [] };
  const pids = new Set(groups.flatMap(({ holders }) => holders.map(({ pid }) => pid)));
  for (const pid of pids) graph.nodes.push({ id: `p${pid}`, label: name(pid), kind: 'process' });
  for (const { id, kind, link, holders } of groups) {
    graph.nodes.push({ id: `f${id}`, label: file(kind, link), kind: 'description' });
    for (const [pid, fds] of byTask(holders)) graph.edges.push({ from: `p${pid}`, to: `f${id}`, label: `fd ${fds.join(', ')}` });
  }
  return graph;
}

export const run: Command = (args, io) => {
  const parsed = parse('groups', args, { tree: { type: 'string' }, graph: { type: 'string' } });
  const language = choice('graph', parsed.value('graph'), GRAPH_LANGUAGES);
  if (language !== undefined && parsed.flag('json')) throw new UsageError('--graph and --json exclude each other');
  const tree = parsed.value('tree');
  const roots = [...parsed.rest, ...(tree === undefined ? [] : [tree])].map(taskId);
  const missing = roots.filter((pid) => !exists(pid));
  const pids = tree === undefined ? roots : [...new Set([...roots, ...treeOf(taskId(tree))])];
  for (const pid of missing) tell(io, `there is no process ${pid}, or /proc hides it`);
  if (missing.length > 0 && missing.length === roots.length) return 2;
  const report = withProgress(io, (options) => groupFiles(roots.length === 0 ? options : { ...options, pids }));
  if (language !== undefined) print(io, render(toGraph(report), language));
  else if (parsed.flag('json')) printJson(io, report);
  else print(io, text(report));
  tellPartial(io, report.coverage);
  return missing.length > 0 ? 2 : scanCode(report.groups.length > 0, report.coverage);
};
