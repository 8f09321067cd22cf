/**
 * The project for a machine on which every process is slow to start: types are stripped here, so that no process has to
 * start a compiler there, and a loader neither, since what was a file of TypeScript has the name of one that Node reads
 * itself, wherever a text names it. Where it stands of tsx it finds a module that does nothing.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.ts';

const MANIFEST = {
  name: 'tsx',
  version: '0.0.0',
  type: 'module',
  exports: { '.': './index.js', './esm/api': './index.js', './cli': './index.js' },
};

/** A file's name as it is there. */
export const renamed = (file: string): string => file.replace(/\.ts$/, '.js');

export function copyStripped(project: string, target: string): void {
  const sources = ['src', 'test'].flatMap((folder) => typescriptBelow(project, folder));
  const isOther = (path: string): boolean => !path.endsWith('.ts');
  for (const folder of ['src', 'test'])
    cpSync(join(project, folder), join(target, folder), { recursive: true, filter: isOther });
  run(
    join(project, 'node_modules/.bin/esbuild'),
    [...sources, '--outbase=.', `--outdir=${target}`, '--keep-names', '--target=node20', '--log-level=warning'],
    project,
  );
  for (const file of sources.map((source) => join(target, renamed(source))))
    writeFileSync(file, readFileSync(file, 'utf8').replace(/\.ts(?=["'`])/g, '.js'));
  const tsx = join(target, 'node_modules/tsx');
  for (const name of ['tsx', 'esbuild', '@esbuild'])
    rmSync(join(target, 'node_modules', name), { recursive: true, force: true });
  mkdirSync(tsx, { recursive: true });
  writeFileSync(join(tsx, 'package.json'), JSON.stringify(MANIFEST));
  writeFileSync(join(tsx, 'index.js'), 'export function register() {}\n');
}

function typescriptBelow(project: string, folder: string): string[] {
  return readdirSync(join(project, folder))
    .map((name) => join(folder, name))
    .flatMap((path) =>
      statSync(join(project, path)).isDirectory() ? typescriptBelow(project, path) : path.endsWith('.ts') ? [path] : [],
    );
}
