/** Open file descriptions and the tasks that share them, as a graph. */
import type { FileRef } from '../binding/kcmp.ts';
import type { GroupReport } from '../inspect/groups.ts';
import { addTo } from '../util/multimap.ts';
import { describeFile } from '../util/text.ts';
import type { Graph } from './graph.ts';

/** The descriptors of each task. */
export function byTask(holders: readonly FileRef[]): Map<number, number[]> {
  const tasks = new Map<number, number[]>();
  for (const { pid, fd } of holders) addTo(tasks, pid, fd);
  return tasks;
}

/** @param name - what the caller calls a process */
export function sharingGraph({ groups }: GroupReport, name: (pid: number) => string): Graph {
  const graph: Graph = { nodes: [], edges: [] };
  const pids = new Set(groups.flatMap(({ holders }) => holders.map(({ pid }) => pid)));
  for (const pid of pids) graph.nodes.push({ id: `p${pid}`, label: name(pid), kind: 'process' });
  for (const { id, kind, link, holders } of groups) {
    graph.nodes.push({ id: `f${id}`, label: describeFile(kind, link), kind: 'description' });
    for (const [pid, fds] of byTask(holders))
      graph.edges.push({ from: `p${pid}`, to: `f${id}`, label: `fd ${fds.join(', ')}` });
  }
  return graph;
}
