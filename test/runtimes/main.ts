/**
 * `npm run test:runtimes [WORD…]`: the suite on every line of Node, the main facts on every runtime and in every way
 * to reach the package, as one table. With words, only the rows that contain one of them.
 */
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { installBinaries } from './binaries.ts';
import { compile } from './compiled.ts';
import { rowsOf } from './rows.ts';
import { testFiles } from './suite.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const words = process.argv.slice(2);

const binaries = installBinaries();
const compiled = compile(ROOT);
const rows = rowsOf(binaries, compiled, ROOT, testFiles(ROOT)).filter(
  ({ runtime, way }) => words.length === 0 || words.some((word) => `${runtime} ${way}`.includes(word)),
);

const line = (cells: string[]): string =>
  cells
    .map((cell, i) => cell.padEnd([24, 44, 48, 6][i] ?? 0))
    .join('  ')
    .trimEnd();
console.log(line(['runtime', 'way', 'result', 'seconds', '']));
const failures: string[] = [];
try {
  for (const { runtime, way, run } of rows) {
    const { ok, result, seconds, output } = await run();
    console.log(line([runtime, way, result, seconds.toFixed(1), ok ? 'ok' : 'FAILED']));
    if (!ok) failures.push(`--- ${runtime}, ${way}: ${result}\n${output}`);
  }
} finally {
  rmSync(compiled.folder, { recursive: true, force: true });
}
console.log(`${rows.length - failures.length} of ${rows.length} rows are ok`);
for (const failure of failures) console.error(failure);
if (failures.length > 0 || rows.length === 0) process.exitCode = 1;
