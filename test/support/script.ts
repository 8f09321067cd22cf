/** Fresh Node processes that run a piece of JavaScript, for what depends on a process that has done nothing yet. */
import { spawnSync } from 'node:child_process';
import './leash.ts';

/** The package's entry, as an import specifier. */
export const ENTRY: string = new URL('../../src/index.ts', import.meta.url).href;

/**
 * Runs a module's source in a process of its own.
 * @returns what it prints, which must be JSON
 */
export function runScript(source: string, ...flags: string[]): unknown {
  const args = [...flags, '--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', source];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the script ended with ${signal ?? status}: ${stderr}`);
  return JSON.parse(stdout);
}
