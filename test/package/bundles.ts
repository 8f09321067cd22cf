/** What bundlers make of the package, in both module systems: koffi stays outside, all the rest is one file. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Check } from './check.ts';
import { ANSWER, ESM } from './installed.ts';
import { run } from './shell.ts';

const FORMATS = { esm: 'mjs', cjs: 'cjs' } as const;

export function bundles(root: string, folder: string): Check[] {
  const project = join(folder, 'npm');
  const esbuild = join(root, 'node_modules/.bin/esbuild');
  return Object.entries(FORMATS).map(([format, extension]) => ({
    title: `bundled as ${format} it works, also in the child process of probe`,
    run: () => {
      const file = `bundle.${extension}`;
      writeFileSync(join(project, 'bundled.mjs'), ESM);
      const flags = ['--bundle', '--platform=node', `--format=${format}`, '--external:koffi', '--log-level=error'];
      run([esbuild, 'bundled.mjs', ...flags, `--outfile=${file}`], { cwd: project });
      assert.equal(run([process.execPath, file], { cwd: project }), ANSWER);
    },
  }));
}
