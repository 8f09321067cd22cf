/** The package and the facts as JavaScript, compiled as the published package is, in a folder of their own. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Compiled {
  folder: string;
  /** The facts, which import the compiled package. */
  facts: string;
}

export function compile(root: string): Compiled {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp-runtimes-')));
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { noEmit: false, declaration: false, isolatedDeclarations: false, rootDir: root, outDir: folder, typeRoots: [join(root, 'node_modules/@types')] },
    include: [join(root, 'src'), join(root, 'test/runtimes/facts.ts')],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const tsc = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' });
  if (tsc.status !== 0) throw new Error(`tsc: ${tsc.stdout}${tsc.stderr}`);
  return { folder, facts: join(folder, 'test/runtimes/facts.js') };
}
