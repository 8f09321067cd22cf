/** The table of results in docs/environments.md: a row a machine, of which a run replaces those that it ran. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const BEGIN = '<!-- machines: begin -->';
const END = '<!-- machines: end -->';
const HEAD = ['machine', 'architecture', 'kernel', 'Node', 'tests', 'date'];
const DOCUMENT = `# Environments

Whole machines in an emulator, booted with Debian's kernels and run as root: \`npm run test:machines -- all\`, or the names
of some, which replaces their rows. They run the tests of the binding, of what reads /proc, of the inspectors and of the command.
Where kcmp cannot work, only that it is refused is tested.

${BEGIN}
${END}
`;

/** The cells, the machine's name first. */
export type Row = string[];

export const rowOf = (
  name: string,
  { architecture, kernel, node }: { architecture: string; kernel: string; node: string },
  result: string,
): Row => [name, architecture, kernel, node, result, new Date().toISOString().slice(0, 10)];

/** Puts a row into the table in place of the one of its name; `order` is that of the names, and a row that is not in it goes. */
export function writeRow(path: string, row: Row, order: string[]): void {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : DOCUMENT;
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${path} has no table between ${BEGIN} and ${END}`);
  const before = text
    .slice(begin + BEGIN.length, end)
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1);
  const merged = new Map([...before.map(cellsOf), row].map((cells) => [cells[0], cells]));
  const body = order.map((name) => merged.get(name)).filter((row) => row !== undefined);
  const lines = [lineOf(HEAD), `|${'---|'.repeat(HEAD.length)}`, ...body.map(lineOf)];
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${text.slice(0, begin)}${BEGIN}\n${lines.join('\n')}\n${text.slice(end)}`);
}

const lineOf = (cells: Row): string => `| ${cells.join(' | ')} |`;
const cellsOf = (line: string): Row => line.slice(2, -2).split(' | ');
