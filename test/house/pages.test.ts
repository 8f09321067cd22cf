/** The manual pages: one a command, all of them named for npm, each with what its help says. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { helpFor } from '../../src/cli/help.ts';
import '../support/leash.ts';

const ROOT = new URL('../../', import.meta.url);
const textOf = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');
const pages = readdirSync(new URL('man/', ROOT)).map((name) => `man/${name}`);
const helps = readdirSync(new URL('src/cli/help/', ROOT)).map((name) => name.replace('.txt', ''));
const hasMan = spawnSync('man', ['--version']).status === 0;

test('there is a page for each help text, and package.json names them all', () => {
  const { man } = JSON.parse(textOf('package.json')) as { man: string[] };
  const wanted = helps.map((name) => (name === 'kcmp' ? 'man/kcmp.1' : `man/kcmp-${name}.1`));
  assert.deepEqual(pages.toSorted(), wanted.toSorted());
  assert.deepEqual(man.toSorted(), pages.map((page) => `dist/${page}.gz`).toSorted());
});

/** Without what a formatter may change: spaces, hyphens, the ends of lines. */
const words = (text: string): string => text.replaceAll(/[^\w$@{[(/]/g, '').toLowerCase();

for (const name of helps)
  test(`the page of ${name} has all that its help says`, () => {
    const page = words(textOf(name === 'kcmp' ? 'man/kcmp.1' : `man/kcmp-${name}.1`));
    const paragraphs = helpFor(name === 'kcmp' ? '' : name).split('\n\n');
    for (const text of paragraphs.flatMap((paragraph) => paragraph.split(/^ {2}/m))) {
      const said = text.replace(/^(?:Usage|Commands|Options|Exit code|Examples?)(?::|,) */, '').replace(/ {3,}/g, ' ');
      assert.ok(page.includes(words(said)), `npm run docs makes it anew: ${said}`);
    }
  });

test('man shows them without a warning', { skip: !hasMan && 'needs man' }, () => {
  for (const page of pages) {
    const file = fileURLToPath(new URL(page, ROOT));
    const { status, stdout, stderr } = spawnSync('man', ['--warnings', '-l', file], { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^NAME$/m);
    assert.match(stdout, /^SYNOPSIS$/m);
  }
});
