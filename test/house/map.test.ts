/** The map of the house in CONTRIBUTING.md is complete, and what the documents point to is there. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const ROOT = new URL('../../', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, ROOT), 'utf8');
const isThere = (path: string): boolean => existsSync(new URL(path, ROOT));
const CONTRIBUTING = read('CONTRIBUTING.md');

test('every folder of src is on the map, and nothing that is not there', () => {
  const rows = [...CONTRIBUTING.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = '']) => cell.match(/[^`]+(?=`)/g) ?? []);
  const places = rows.filter((row) => /^(?:src|test)\/[\w.]+$/.test(row));
  const folders = readdirSync(new URL('src/', ROOT)).map((name) => `src/${name}`);
  assert.deepEqual(
    folders.filter((folder) => !places.includes(folder)),
    [],
  );
  assert.deepEqual(
    places.filter((place) => !isThere(place)),
    [],
  );
});

test('every command of npm that the documents name is a script', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = [...(CONTRIBUTING + read('README.md')).matchAll(/npm run (?:-s )?([\w:]+)/g)].map(
    ([, name = '']) => name,
  );
  assert.ok(named.length > 5);
  assert.deepEqual(
    named.filter((name) => !(name in scripts)),
    [],
  );
});

test('what the documents link to is there', () => {
  const links = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md'].flatMap((name) =>
    [...read(name).matchAll(/\]\(([^)#:]+)\)/g)].map(([, path = '']) => path),
  );
  assert.ok(['CONTRIBUTING.md', 'SECURITY.md'].every((name) => links.includes(name)));
  assert.deepEqual(
    links.filter((path) => !isThere(path)),
    [],
  );
});
