/**
 * `npm run test:machines -- NAME…`: the tests of the binding and of the inspectors on other architectures and older
 * kernels, each a whole machine in an emulator, as one table. Needs root for apt, and qemu-system, cpio and dpkg.
 */
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { testFiles } from '../runtimes/suite.ts';
import { boot } from './boot.ts';
import { buildImage } from './image.ts';
import { MACHINES } from './machines.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The compiler, which these need, is not taken along; the servers neither. */
const LEFT_OUT = /types\.test\.ts$|servers\.test\.ts$/;

const args = process.argv.slice(2);
const verbose = args.includes('--verbose');
const names = args.filter((arg) => !arg.startsWith('-'));
const unknown = names.filter((name) => MACHINES[name] === undefined);
if (names.length === 0 || unknown.length > 0) {
  console.error(`usage: npm run test:machines -- [--verbose] NAME…\nnames: ${Object.keys(MACHINES).join(', ')}`);
  process.exit(2);
}

const tests = testFiles(ROOT).filter(
  (file) => /^test\/(?:binding|procfs|inspect)\//.test(file) && !LEFT_OUT.test(file),
);
const line = (cells: string[]): string =>
  cells
    .map((cell, i) => cell.padEnd([16, 50, 44, 7][i] ?? 0))
    .join('  ')
    .trimEnd();
const failures: string[] = [];
console.log(line(['machine', 'system', 'result', 'seconds', '']));
for (const name of names) {
  const machine = MACHINES[name];
  if (machine === undefined) continue;
  const image = buildImage(name, machine, ROOT, tests);
  try {
    const { ok, system, result, seconds, output } = await boot(machine, image, tests.length, verbose);
    console.log(line([name, system, result, seconds.toFixed(0), ok ? 'ok' : 'FAILED']));
    if (!ok) failures.push(name);
    if (!ok && !verbose) console.error(`--- ${name}\n${output}`);
  } finally {
    rmSync(image.folder, { recursive: true, force: true });
  }
}
console.log(`${names.length - failures.length} of ${names.length} machines are ok`);
if (failures.length > 0) process.exitCode = 1;
