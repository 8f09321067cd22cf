/** The docstrings of what is public, of which docs/api.md is made: complete, and their examples run. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as api from '../../src/index.ts';
import '../support/leash.ts';

const ROOT = new URL('../../', import.meta.url);
const source = (path: string): string => readFileSync(new URL(`src/${path}`, ROOT), 'utf8');
const SOURCES = [...source('index.ts').matchAll(/from '\.\/(.*)'/g)].map(([, path = '']) => source(path)).join('\n');

interface Documented {
  name: string;
  text: string;
  parameters: string[];
}

/** Functions as they are declared first, with what stands before them. */
const functions = Object.entries(api)
  .filter(([name, value]) => typeof value === 'function' && name !== 'KcmpError')
  .map(([name]): Documented => {
    const [, text = '', list = ''] =
      new RegExp(`/\\*\\*((?:[^*]|\\*(?!/))*)\\*/\nexport function ${name}\\b(?:<[^(]*>)?\\(([^]*?)\\): `).exec(
        SOURCES,
      ) ?? [];
    const parameters = [...list.matchAll(/(?:^|, |\.\.\.)(\w+)\??: /g)].map(([, parameter = '']) => parameter);
    return { name, text, parameters };
  });

const exampleOf = ({ text }: Documented): string =>
  (/^ \* @example ?\n?(.*?)\n \* @since/ms.exec(text)?.[1] ?? '').replaceAll(/^ \* /gm, '');

test('each function says of each parameter what it is, shows an example, and names a page to read on', () => {
  assert.ok(functions.length > 15 && functions.every(({ text }) => text !== ''));
  const faults = functions.flatMap((documented) => {
    const { name, text, parameters } = documented;
    const missing = parameters.filter((parameter) => !new RegExp(`@param ${parameter}(?:\\.\\w+)? - `).test(text));
    return [
      ...missing.map((parameter) => `${name}: @param ${parameter}`),
      ...(exampleOf(documented) === '' ? [`${name}: @example`] : []),
      ...(/@see https:\/\/\S+/.test(text) ? [] : [`${name}: @see with an address`]),
    ];
  });
  assert.deepEqual(faults, []);
});

test('every example runs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kcmp-reference-'));
  try {
    const file = join(folder, 'examples.mts');
    const names = Object.keys(api).join(', ');
    const blocks = functions.map((documented) => `{\n${exampleOf(documented)}\n}`);
    writeFileSync(
      file,
      `import { ${names} } from '${new URL('src/index.ts', ROOT).pathname}';\n${blocks.join('\n')}\n`,
    );
    const { status, stderr } = spawnSync(process.execPath, ['--import', import.meta.resolve('tsx'), file], {
      encoding: 'utf8',
    });
    assert.deepEqual([status, stderr], [0, '']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the reference shows them', () => {
  const reference = readFileSync(new URL('docs/api.md', ROOT), 'utf8');
  for (const documented of functions)
    assert.ok(
      reference.includes(`\`\`\`ts\n${exampleOf(documented)}\n\`\`\``),
      `npm run docs makes it anew: ${documented.name}`,
    );
});
