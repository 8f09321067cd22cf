/** The package as it would be published, and the facts as JavaScript beside it, in a folder of their own. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Compiled {
  folder: string;
  /** The facts, which import the published package as `../../src/index.js`. */
  facts: string;
}

function must(command: string, args: string[], cwd: string): void {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `${stdout}${stderr}`}`);
}

export function compile(root: string): Compiled {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp-runtimes-')));
  must('npm', ['pack', '--pack-destination', folder], root);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) as string;
  must('tar', ['-xzf', tarball], folder);
  renameSync(join(folder, 'package/dist'), join(folder, 'src'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const facts = join(folder, 'test/runtimes/facts.js');
  mkdirSync(join(folder, 'test/runtimes'), { recursive: true });
  must(
    join(root, 'node_modules/.bin/esbuild'),
    [join(root, 'test/runtimes/facts.ts'), '--target=node20', `--outfile=${facts}`],
    folder,
  );
  return { folder, facts };
}
