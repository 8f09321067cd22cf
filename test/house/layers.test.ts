/** The layers of src: which folder may import which. Imports go down only, and there is no circle. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { importsOf } from './imports.ts';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));

/** From the ground up: a folder may import itself and what stands before it, but for what is said in REFUSED. */
const LAYERS = [
  'util',
  'binding',
  'procfs',
  'netlink',
  'scan',
  'descriptions',
  'inspect',
  'index.ts',
  'promises.ts',
  'draw',
  'cli',
];
/** Below the command only these are open to it, with what index.ts makes public, which need not be asked for all of it. */
const OPEN_TO_CLI = /^(?:index\.ts|(?:draw|procfs|util|cli)\/.*|scan\/coverage\.ts|inspect\/epoll\/freshness\.ts)$/;
const MAX_LINES = 200;
const MAX_FILES = 16;

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const layerOf = (file: string): number => LAYERS.indexOf(file.split('/')[0] as string);

const imports = new Map(
  files.map((file) => [
    file,
    importsOf(join(SRC, file))
      .filter((path) => path.startsWith('/'))
      .map((path) => relative(SRC, path)),
  ]),
);

test('every file of src belongs to a layer', () => {
  assert.deepEqual(
    files.filter((file) => layerOf(file) < 0),
    [],
  );
  assert.ok(files.length > 60);
});

test('no file imports one of a layer above its own', () => {
  const upward = [...imports].flatMap(([file, targets]) =>
    targets.filter((target) => layerOf(target) > layerOf(file)).map((target) => `${file} -> ${target}`),
  );
  assert.deepEqual(upward, []);
});

test('the command reaches the questions by what is public', () => {
  const isOpen = (target: string): boolean =>
    OPEN_TO_CLI.test(target) || imports.get('index.ts')?.includes(target) === true;
  const around = [...imports].flatMap(([file, targets]) =>
    file.startsWith('cli/') ? targets.filter((target) => !isOpen(target)).map((target) => `${file} -> ${target}`) : [],
  );
  assert.deepEqual(around, []);
});

test('no circle of imports', () => {
  const done = new Set<string>();
  const visit = (file: string, path: string[]): void => {
    if (path.includes(file)) assert.fail(`a circle: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`);
    if (done.has(file)) return;
    for (const target of imports.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
});

test('no file is longer than a reader can hold, no folder fuller', () => {
  assert.deepEqual(
    files.filter((file) => readFileSync(join(SRC, file), 'utf8').split('\n').length - 1 > MAX_LINES),
    [],
  );
  const folders = [...new Set(files.map(dirname))];
  assert.deepEqual(
    folders.filter((folder) => files.filter((file) => dirname(file) === folder).length > MAX_FILES),
    [],
  );
});
