/**
 * `npm run bench [-- --json] [--sizes N] [NAME…]`: how the package compares with the same work in C and with other programs.
 *
 * --sizes keeps so many of the three sizes of the rows of very many, from the smallest: one takes a minute.
 * A NAME keeps the rows whose name contains it. Every ratio is a median over rounds in which the sides took turns.
 * Beside every time stand the number of kcmp calls and of /proc reads (paths looked up there); `·` is unknown.
 */
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { type Build, build } from './build.ts';
import { calls } from './calls.ts';
import { epolls } from './epoll.ts';
import { growth } from './growth/suite.ts';
import { mixedGroups, socketGroups, treeGroups } from './groups.ts';
import { promises } from './promises.ts';
import type { Row } from './row.ts';
import { sockets } from './sockets.ts';
import { start } from './start.ts';
import { who } from './who.ts';
import { HEADER, rowLines } from './table.ts';

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false }, sizes: { type: 'string', default: '3' } },
  allowPositionals: true,
});
const wanted = (row: string): boolean => positionals.length === 0 || positionals.some((name) => row.includes(name));

const built = await build();
const machine = { kernel: release(), arch: process.arch, node: process.version, cpu: cpus()[0]?.model ?? 'unknown' };
const rows: Row[] = [];
if (!values.json)
  console.log(`Linux ${machine.kernel} ${machine.arch}, Node ${machine.node}, ${machine.cpu}\n${HEADER}`);
for (const suite of [
  calls,
  mixedGroups,
  socketGroups,
  treeGroups,
  epolls,
  sockets,
  promises,
  start,
  who,
  (built: Build) => growth(built, Number(values.sizes)),
].map((of) => of(built))) {
  if (!suite.rows.some(wanted)) continue;
  for await (const row of suite.run(wanted)) {
    rows.push(row);
    if (!values.json) console.log(rowLines(row));
  }
}
if (values.json) console.log(JSON.stringify({ machine, rows }, undefined, 2));
