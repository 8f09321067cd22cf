/**
 * The project for a machine on which every process is slow to start: types are stripped here, so that no process has to
 * start a compiler there. The files keep their names, and a loader that does nothing else takes the place of tsx.
 */
import { cpSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.ts';

const LOADER = `import { readFileSync } from 'node:fs';
import * as module from 'node:module';

const isOurs = (url) => url.startsWith('file:') && url.endsWith('.ts');
const plain = (url) => ({ format: 'module', shortCircuit: true, source: readFileSync(new URL(url)) });

export const load = (url, context, next) => (isOurs(url) ? plain(url) : next(url, context));
export function register() {
  if (module.registerHooks === undefined) module.register(import.meta.url.replace(/index\\.js$/, 'hooks.js'));
  else module.registerHooks({ load });
}
register();
`;
// In the thread of the hooks, where nothing may be registered again.
const HOOKS = LOADER.slice(0, LOADER.indexOf('export function register'));
const MANIFEST = {
  name: 'tsx',
  version: '0.0.0',
  type: 'module',
  exports: { '.': './index.js', './esm/api': './index.js', './cli': './index.js' },
};

export function copyStripped(project: string, target: string): void {
  const sources = ['src', 'test'].flatMap((folder) => typescriptBelow(project, folder));
  for (const folder of ['src', 'test']) cpSync(join(project, folder), join(target, folder), { recursive: true });
  run(
    join(project, 'node_modules/.bin/esbuild'),
    [
      ...sources,
      '--outbase=.',
      `--outdir=${target}`,
      '--out-extension:.js=.ts',
      '--allow-overwrite',
      '--keep-names',
      '--target=node20',
      '--log-level=warning',
    ],
    project,
  );
  const tsx = join(target, 'node_modules/tsx');
  for (const name of ['tsx', 'esbuild', '@esbuild'])
    rmSync(join(target, 'node_modules', name), { recursive: true, force: true });
  mkdirSync(tsx, { recursive: true });
  writeFileSync(join(tsx, 'package.json'), JSON.stringify(MANIFEST));
  writeFileSync(join(tsx, 'index.js'), LOADER);
  writeFileSync(join(tsx, 'hooks.js'), HOOKS);
}

function typescriptBelow(project: string, folder: string): string[] {
  return readdirSync(join(project, folder))
    .map((name) => join(folder, name))
    .flatMap((path) =>
      statSync(join(project, path)).isDirectory() ? typescriptBelow(project, path) : path.endsWith('.ts') ? [path] : [],
    );
}
