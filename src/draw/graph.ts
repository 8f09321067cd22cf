/** Processes, descriptions and the descriptors between them, in the languages of Graphviz and Mermaid. */
import { visible } from '../util/text.ts';

export const GRAPH_LANGUAGES = ['mermaid', 'dot'] as const;
export type GraphLanguage = (typeof GRAPH_LANGUAGES)[number];

export interface GraphNode {
  id: string;
  label: string;
  kind: 'process' | 'description';
}

export interface GraphEdge {
  from: string;
  to: string;
  label: string;
  /** Drawn dashed: no longer what it seems. */
  stale?: boolean;
}

export interface Graph {
  nodes: GraphNode[];
  edges: GraphEdge[];
}

/** Graphviz reads backslash escapes of its own in a label. */
const dotText = (text: string): string => `"${visible(text).replace(/[\\"]/g, '\\$&')}"`;

function toDot({ nodes, edges }: Graph): string[] {
  const shape = { process: 'box', description: 'ellipse' };
  return [
    'digraph kcmp {',
    '  rankdir=LR;',
    ...nodes.map(({ id, label, kind }) => `  ${id} [shape=${shape[kind]}, label=${dotText(label)}];`),
    ...edges.map(
      ({ from, to, label, stale }) =>
        `  ${from} -> ${to} [label=${dotText(label)}${stale === true ? ', style=dashed' : ''}];`,
    ),
    '}',
  ];
}

/** Mermaid has entities instead of escapes; everything that its grammar or Markdown could see becomes one. */
const mermaidText = (text: string): string =>
  `"${visible(text).replace(/[^\p{L}\p{N} .,:/=+-]/gu, (c) => `#${c.codePointAt(0)};`)}"`;

function toMermaid({ nodes, edges }: Graph): string[] {
  return [
    'flowchart LR',
    ...nodes.map(({ id, label, kind }) =>
      kind === 'process' ? `  ${id}[${mermaidText(label)}]` : `  ${id}(${mermaidText(label)})`,
    ),
    ...edges.map(
      ({ from, to, label, stale }) => `  ${from} ${stale === true ? '-.->' : '-->'}|${mermaidText(label)}| ${to}`,
    ),
  ];
}

/** Lines of text. */
export const render = (graph: Graph, language: GraphLanguage): string[] =>
  language === 'dot' ? toDot(graph) : toMermaid(graph);
