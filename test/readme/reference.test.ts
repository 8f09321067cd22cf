/** The docstrings of what is public, of which docs/api.md is made: complete, and their examples run. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as api from '../../src/index.ts';
import * as promises from '../../src/promises.ts';
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

/** How a module ended, and what it said of it. */
function runModule(text: string): [number | null, string] {
  const folder = mkdtempSync(join(tmpdir(), 'kcmp-reference-'));
  try {
    const file = join(folder, 'examples.mts');
    writeFileSync(file, text);
    const args = ['--import', import.meta.resolve('tsx'), file];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    return [status, stderr];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('every example runs', () => {
  const names = Object.keys(api).join(', ');
  const blocks = functions.map((documented) => `{\n${exampleOf(documented)}\n}`);
  const imports = `import { ${names} } from '${new URL('src/index.ts', ROOT).pathname}';`;
  assert.deepEqual(runModule(`${imports}\n${blocks.join('\n')}\n`), [0, '']);
});

test('the reference shows them', () => {
  const reference = readFileSync(new URL('docs/api.md', ROOT), 'utf8');
  for (const documented of functions)
    assert.ok(
      reference.includes(`\`\`\`ts\n${exampleOf(documented)}\n\`\`\``),
      `npm run docs makes it anew: ${documented.name}`,
    );
});

const promised = Object.keys(promises).map((name) => {
  const [, text = ''] =
    new RegExp(`/\\*\\*((?:[^*]|\\*(?!/))*)\\*/\nexport async function ${name}\\(`).exec(source('promises.ts')) ?? [];
  return { name, example: /^ \* @example (.*)$/m.exec(text)?.[1] ?? '' };
});

test('each function of kcmp/promises shows an example, which runs, and stands in its reference', () => {
  const reference = readFileSync(new URL('docs/api-promises.md', ROOT), 'utf8');
  for (const { name, example } of promised) {
    assert.match(example, new RegExp(`\\bawait ${name}\\(`));
    assert.ok(reference.includes(`\`\`\`ts\n${example}\n\`\`\``), `npm run docs makes it anew: ${name}`);
  }
  const imports = [
    `import { listEpolls } from '${new URL('src/index.ts', ROOT).pathname}';`,
    `import { ${promised.map(({ name }) => name).join(', ')} } from '${new URL('src/promises.ts', ROOT).pathname}';`,
  ];
  assert.deepEqual(runModule([...imports, ...promised.map(({ example }) => example)].join('\n')), [0, '']);
});
