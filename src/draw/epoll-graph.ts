/** Epoll instances, their targets and who holds them, as a graph. */
import type { FileRef } from '../binding/kcmp.ts';
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

/** A descriptor is of one description only, so that whatever has one in common is one node. */
class Drawn {
  readonly nodes: Map<string, GraphNode> = new Map();
  readonly #ids = new Map<string, string>();

  /** @returns the id, and whether it is drawn for the first time */
  draw(id: string, label: string, refs: readonly FileRef[]): { id: string; isNew: boolean } {
    const keys = refs.map(({ pid, fd }) => `${pid}:${fd}`);
    const known = keys.map((key) => this.#ids.get(key)).find((one) => one !== undefined);
    if (known === undefined) this.nodes.set(id, { id, label, kind: 'description' });
    for (const key of keys) this.#ids.set(key, known ?? id);
    return { id: known ?? id, isNew: known === undefined };
  }
}

export function epollGraph(reports: readonly EpollReport[], names: EpollNames): Graph {
  const processes = new Map<number, GraphNode>();
  const drawn = new Drawn();
  const edges: Graph['edges'] = [];
  const processNode = (pid: number): string => {
    const node: GraphNode = processes.get(pid) ?? { id: `p${pid}`, label: names.process(pid), kind: 'process' };
    processes.set(pid, node);
    return node.id;
  };
  const isOne = new Set(reports.map(({ pid }) => pid)).size === 1;
  const instances = reports.map(({ pid, efd, instance }) => {
    const { id } = drawn.draw(isOne ? `e${efd}` : `p${pid}e${efd}`, `epoll instance, fd ${efd}`, instance);
    edges.push({ from: processNode(pid), to: id, label: `fd ${efd}` });
    return id;
  });
  const told = new Set<string>();
  for (const [at, { targets }] of reports.entries()) {
    const instance = instances[at] as string;
    // One that has two descriptors is told twice.
    if (told.has(instance)) continue;
    told.add(instance);
    for (const [i, target] of targets.entries()) {
      const { id, isNew } = drawn.draw(`${instance}t${i}`, names.target(target), target.holders);
      edges.push({
        from: instance,
        to: id,
        label: `tfd ${target.tfd} ${names.state(target)}`,
        stale: freshness(target) !== 'fresh',
      });
      if (!isNew) continue;
      for (const holder of target.holders)
        edges.push({ from: processNode(holder.pid), to: id, label: `fd ${holder.fd}` });
    }
  }
  return { nodes: [...processes.values(), ...drawn.nodes.values()], edges };
}
