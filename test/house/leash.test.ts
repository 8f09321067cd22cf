/** Every test has what it starts on the leash: a rule over the sources of the tests. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { importsOf } from './imports.ts';

const TEST = fileURLToPath(new URL('../', import.meta.url));
const LEASH = join(TEST, 'support/leash.ts');

/** All that a file imports, and what that imports, and so on. */
function reachOf(file: string, reached: Set<string> = new Set([file])): Set<string> {
  for (const path of importsOf(file).filter((path) => !reached.has(path))) {
    reached.add(path);
    if (path.startsWith(TEST)) reachOf(path, reached);
  }
  return reached;
}

const files = readdirSync(TEST, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.ts'));
const reaches = files.map((file) => reachOf(join(TEST, file)));

test('a test that can start a process has it on the leash', () => {
  assert.ok(files.length > 50);
  assert.deepEqual(
    files.filter((_, i) => reaches[i]?.has('node:child_process') && !reaches[i]?.has(LEASH)),
    [],
  );
});

test('nothing that a test starts leaves the process group, in which it ends with the test', () => {
  const leaves = /\bdetached: true|['"` ]setsid\b/;
  const ours = [...new Set(reaches.flatMap((reach) => [...reach]))].filter((path) => path.startsWith(TEST));
  assert.deepEqual(
    ours
      .filter((path) => path !== LEASH && leaves.test(readFileSync(path, 'utf8')))
      .map((path) => relative(TEST, path)),
    [],
  );
});
