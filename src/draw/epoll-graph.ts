/** Epoll instances, their targets and who holds them, as a graph. */
import type { EpollReport } from '../inspect/epoll.ts';
import { freshness } from '../inspect/epoll/freshness.ts';
import type { EpollTarget } from '../inspect/epoll/targets.ts';
import type { Graph, GraphNode } from './graph.ts';

/** What the caller calls a process and a target. */
export interface EpollNames {
  process(pid: number): string;
  target(target: EpollTarget): string;
  /** A target's state, beside its number. */
  state(target: EpollTarget): string;
}

export function epollGraph(reports: readonly EpollReport[], names: EpollNames): Graph {
  const nodes = new Map<string, GraphNode>();
  const graph: Graph = { nodes: [], edges: [] };
  const processNode = (pid: number): string => {
    const id = `p${pid}`;
    if (!nodes.has(id)) nodes.set(id, { id, label: names.process(pid), kind: 'process' });
    return id;
  };
  for (const { pid, efd, targets } of reports) {
    const instance = `e${efd}`;
    nodes.set(instance, { id: instance, label: `epoll instance, fd ${efd}`, kind: 'description' });
    graph.edges.push({ from: processNode(pid), to: instance, label: `fd ${efd}` });
    for (const [i, target] of targets.entries()) {
      const id = `e${efd}t${i}`;
      nodes.set(id, { id, label: names.target(target), kind: 'description' });
      graph.edges.push({
        from: instance,
        to: id,
        label: `tfd ${target.tfd} ${names.state(target)}`,
        stale: freshness(target) !== 'fresh',
      });
      for (const holder of target.holders)
        graph.edges.push({ from: processNode(holder.pid), to: id, label: `fd ${holder.fd}` });
    }
  }
  graph.nodes = [...nodes.values()];
  return graph;
}
