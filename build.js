/**
 * Builds what is published: the code in dist, bundled since every module file costs half a millisecond of each start, in
 * short lines that an error can show; and all types in one file, with those of kcmp/promises in another that imports them.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

// An older Node has no getBuiltinModule, which the first lines call; whichever file is loaded first says so instead.
const NEEDED = '"Node 20.19 or later, or 22.13 or later, is needed, and this is " + process.version';
const isOld = (otherwise) => `if (process.getBuiltinModule === undefined) {\n${otherwise}\n}`;
const BANNER = isOld(`throw new Error("kcmp: " + ${NEEDED});`);
// Where require() may load no module, as an option of Node can have it, import() does.
const COMMAND_BANNER = `"use strict";
${isOld(`console.error("kcmp: " + ${NEEDED});\nprocess.exit(2);`)}
const url = require("node:url").pathToFileURL(__filename).href;
const loadPart = async (part) => {
\ttry {
\t\treturn require(part);
\t} catch {
\t\treturn import(part);
\t}
};`;

const COMMON = {
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  minifySyntax: true,
  lineLimit: 160,
  logLevel: 'warning',
};

/** What is loaded as one stays a file of its own, which is loaded where it stands in dist. */
const parts = {
  name: 'parts',
  setup: ({ onResolve }) =>
    void onResolve({ filter: /^\.\/(?:first|more)\.ts$/ }, ({ path }) => ({
      path: path.replace(/ts$/, 'js'),
      external: true,
    })),
};

async function buildCode() {
  const { build } = await import('esbuild');
  const [first, more] = ['src/cli/first.ts', 'src/cli/more.ts'];
  await build({
    ...COMMON,
    entryPoints: { index: 'src/index.ts', promises: 'src/promises.ts', 'cli/first': first, 'cli/more': more },
    splitting: true,
    chunkNames: 'cli/[name]-[hash]',
    format: 'esm',
    external: ['koffi'],
    banner: { js: BANNER },
  });
  // CommonJS starts a twentieth of the time earlier than a module does: all that require() loads comes without a promise.
  await build({
    ...COMMON,
    entryPoints: { 'cli/main': 'src/cli/main.ts' },
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    plugins: [parts],
    define: { 'import.meta.url': 'url' },
    banner: { js: COMMAND_BANNER },
  });
  const main = readFileSync('dist/cli/main.cjs', 'utf8');
  writeFileSync('dist/cli/main.cjs', main.replaceAll(/\bimport\((?="\.\/(?:first|more)\.js")/g, 'loadPart('));
}

/** rollup-plugin-dts asks TypeScript 6, where TypeScript 7, which cannot be asked yet, is installed beside it. */
async function buildTypes() {
  const { rollup } = await import('rollup');
  const { dts } = await import('rollup-plugin-dts');
  const bundle = await rollup({
    input: { index: 'src/index.ts', promises: 'src/promises.ts' },
    plugins: [dts()],
  });
  await bundle.write({
    dir: 'dist',
    minifyInternalExports: false,
    manualChunks: (module) => (module.endsWith('/src/promises.ts') ? undefined : 'index'),
  });
  await bundle.close();
}

/** What is loaded before any other file of the package; the files of a command are not, since main.cjs loads them. */
function loadedFirst() {
  const files = ['dist/index.js', 'dist/promises.js'];
  for (const file of files)
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:from|^import) "(\.[^"]+)"/gm)) {
      const found = join(dirname(file), path);
      if (!files.includes(found)) files.push(found);
    }
  return files;
}

/**
 * What is published may have 600 kB. Of the code the indentation is a fortieth, and comments and the names of sources are as
 * much again; of the types it is what each file says of itself. No text of the package's own has a line that begins with
 * spaces, or with a comment.
 */
function makeSmaller() {
  const first = loadedFirst();
  for (const name of readdirSync('dist', { recursive: true, encoding: 'utf8' })) {
    if (!/\.c?[jt]s$/.test(name)) continue;
    const text = readFileSync(`dist/${name}`, 'utf8');
    const isTypes = name.endsWith('.ts');
    writeFileSync(`dist/${name}`, isTypes ? smallTypes(text) : smallCode(text, first.includes(`dist/${name}`)));
  }
  mkdirSync('dist/man');
  for (const name of readdirSync('man'))
    writeFileSync(`dist/man/${name}.gz`, gzipSync(readFileSync(`man/${name}`), { level: 9 }));
}

const COMMENT = String.raw`/\*\*(?:[^*]|\*(?!/))*\*/\n`;

/** Without comments that stand before no declaration. */
const smallTypes = (text) =>
  text
    .replaceAll(new RegExp(`^${COMMENT}(?=/\\*\\*|\\n|$)`, 'gm'), '')
    .replaceAll(/^(?: {4})+/gm, (spaces) => '\t'.repeat(spaces.length / 4));

/** @param isFirst - whether it is loaded before any other file */
const smallCode = (text, isFirst) =>
  (isFirst ? text : text.replace(`${BANNER}\n`, ''))
    .replaceAll(new RegExp(`^ *${COMMENT}`, 'gm'), '')
    .replaceAll(/^\/\/ src\/.*\n/gm, '')
    .replaceAll('/* @__PURE__ */ ', '')
    .replaceAll(/^ +/gm, '');

/** Where another project installs this folder, nobody has installed what it is built with. The outer npm's settings are not meant for it. */
function installTools() {
  const kept = /^npm_config_(?:registry|cache|userconfig)$|^(?!npm_)/i;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => kept.test(name)));
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { env, stdio: ['ignore', 2, 2] });
}

if (!existsSync('node_modules/esbuild')) installTools();
rmSync('dist', { recursive: true, force: true });
await Promise.all([buildCode(), buildTypes()]);
makeSmaller();
