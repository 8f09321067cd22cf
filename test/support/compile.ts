/** Programs in C for fixtures, compiled once a process into a folder that goes with it. The package itself needs no compiler. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import './leash.ts';

/** Why nothing can be compiled here, or false; for a test's `skip`. */
export const compilerMissing: string | false =
  spawnSync('cc', ['--version'], { stdio: 'ignore' }).status === 0 ? false : 'no C compiler';

const programs = new Map<string, string>();

/** @returns the path of a program that any user may run */
export function compile(...sources: URL[]): string {
  const key = sources.join();
  const known = programs.get(key);
  if (known !== undefined) return known;
  const folder = mkdtempSync(join(tmpdir(), 'kcmp-program-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const program = join(folder, 'program');
  const { status, stderr } = spawnSync(
    'cc',
    ['-O2', '-pthread', '-o', program, ...sources.map((url) => fileURLToPath(url))],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`cc: ${stderr}`);
  programs.set(key, program);
  return program;
}
