/**
 * The examples, run as the README tells people to. The first comment of each ends with what it prints, below a blank
 * line or a line that ends with a colon. Numbers differ from run to run, so any number stands for any other, and
 * so does the padding around it; a line of nothing but `…` stands for any lines.
 */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const FOLDER = new URL('../../examples/', import.meta.url);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TSX = fileURLToPath(import.meta.resolve('tsx/cli'));
const MAX_LINES = 40;
const PATIENCE_MS = 60_000;

const names = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.ts'))
  .sort();
const isTest = (name: string): boolean => name.endsWith('.test.ts');
const textOf = (name: string): string => readFileSync(new URL(name, FOLDER), 'utf8');

/** What must be alike: without numbers, padding and blank lines. */
const masked = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.replace(/\d+/g, '#').replace(/\s+/g, ' ').trim())
    .filter((line) => line !== '');

/** Every text that the first comment may mean as the output: what follows a blank line or a colon, to its end. */
function expectations(source: string): string[] {
  const block = /^(?:#!.*\n)?\s*(?:\/\*\*?([\s\S]*?)\*\/|((?:\/\/.*\n)+))/.exec(source);
  const lines = (block?.[1] ?? block?.[2] ?? '')
    .split('\n')
    .map((line) => line.replace(/^\s*(?:\*|\/\/) ?/, '').trimEnd());
  return lines.flatMap((line, index) =>
    /^$|:$/.test(line) && index + 1 < lines.length ? [lines.slice(index + 1).join('\n')] : [],
  );
}

function matches(output: string[], expected: string[]): boolean {
  const gap = expected.indexOf('…');
  if (gap === -1) return output.length === expected.length && output.every((line, i) => line === expected[i]);
  const rest = expected.slice(gap + 1);
  return (
    matches(output.slice(0, gap), expected.slice(0, gap)) &&
    output.some((_, i) => i >= gap && matches(output.slice(i), rest))
  );
}

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  // A test runner inside of a test runner would run nothing.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return spawnSync(process.execPath, args, {
    cwd: ROOT,
    env,
    encoding: 'utf8',
    timeout: PATIENCE_MS,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

describe('the examples', () => {
  test('are there', () => assert.ok(names.some((name) => !isTest(name))));

  for (const name of names) {
    test(`${name} has at most ${MAX_LINES} lines and imports kcmp and Node alone`, () => {
      const source = textOf(name);
      assert.ok(source.trimEnd().split('\n').length <= MAX_LINES);
      const imports = [...source.matchAll(/(?:from|import) '([^']+)'/g)].map(([, from = '']) => from);
      assert.deepEqual(
        imports.filter((from) => from !== 'kcmp' && !from.startsWith('node:')),
        [],
      );
    });
  }

  for (const name of names.filter((name) => !isTest(name))) {
    test(`${name} prints what its first comment says`, () => {
      const { status, stdout, stderr } = run(TSX, `examples/${name}`);
      assert.equal(status, 0, stderr);
      assert.equal(stderr, '');
      const output = masked(stdout);
      assert.ok(output.length > 0, 'nothing was printed');
      const expected = expectations(textOf(name))
        .map(masked)
        .filter((lines) => lines.length > 0);
      if (expected.some((lines) => matches(output, lines))) return;
      assert.deepEqual(output, expected[0] ?? [], `its first comment does not end with this output:\n${stdout}`);
    });
  }

  for (const name of names.filter(isTest)) {
    test(`${name} passes as the test that it is`, () => {
      const { status, stdout, stderr } = run('--import', 'tsx', '--test', '--test-reporter=tap', `examples/${name}`);
      assert.equal(status, 0, stdout + stderr);
      assert.match(stdout, /^# pass [1-9]/m);
    });
  }
});
