/** What a source file imports, as its text says. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The files and packages that a file imports, types included, also when it does so later on; files as paths. */
export function importsOf(path: string): string[] {
  const found = readFileSync(path, 'utf8').matchAll(
    /^(?:import|export)\b(?:[^;']*?\bfrom)? '([^']+)'|\bimport\('([^']+)'\)/gm,
  );
  return [...found]
    .map(([, first, later]) => first ?? (later as string))
    .map((name) => (name.startsWith('.') ? join(dirname(path), name) : name));
}
