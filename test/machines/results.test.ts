/** The table of machines: a run of some replaces their rows and leaves the others, and the text around, as they are. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { rowOf, writeRow } from './results.ts';

const folder = mkdtempSync(join(tmpdir(), 'kcmp-results-'));
after(() => rmSync(folder, { recursive: true }));

const row = (name: string, kernel: string, result: string): string[] =>
  rowOf(name, { architecture: 'x', kernel, node: '20.19.2' }, result);
const tableOf = (path: string): string[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1)
    .map((line) => line.replace(/ \d{4}-\d\d-\d\d \|$/, ' DATE |'));

test('a run replaces its own rows, in the order of the machines', () => {
  const path = join(folder, 'docs/new.md');
  for (const name of ['c', 'b']) writeRow(path, row(name, '6.1', '3 passed'), ['a', 'b', 'c']);
  writeRow(path, row('a', '6.1', '1 passed'), ['a', 'b', 'c']);
  writeRow(path, row('c', '7.2', '4 passed, 1 failed'), ['a', 'b', 'c']);
  assert.deepEqual(tableOf(path), [
    '| a | x | 6.1 | 20.19.2 | 1 passed | DATE |',
    '| b | x | 6.1 | 20.19.2 | 3 passed | DATE |',
    '| c | x | 7.2 | 20.19.2 | 4 passed, 1 failed | DATE |',
  ]);
  writeRow(path, row('c', '7.2', '4 passed'), ['c']);
  assert.equal(tableOf(path).length, 1);
});

test('the text around stays, and a document without a table is refused', () => {
  const path = join(folder, 'old.md');
  writeFileSync(path, '# Before\n<!-- machines: begin -->\n<!-- machines: end -->\nAfter\n');
  writeRow(path, row('a', '6.1', '1 passed'), ['a']);
  assert.match(
    readFileSync(path, 'utf8'),
    /^# Before\n<!-- machines: begin -->\n\|.*\|\n<!-- machines: end -->\nAfter\n$/s,
  );
  writeFileSync(path, '# Nothing\n');
  assert.throws(() => writeRow(path, row('a', '6.1', '1 passed'), ['a']), /has no table between/);
});
