/**
 * `npm run test:machines -- NAME…` or `all`: the tests of the binding, of what reads /proc, of the inspectors and of the
 * command on other architectures and kernels, each a whole machine in an emulator. The table of results goes into
 * docs/environments.md. Needs root for apt, and qemu-system, cpio and dpkg.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testFiles } from '../runtimes/suite.ts';
import { boot } from './boot.ts';
import { buildImage } from './image.ts';
import { type Machine, MACHINES } from './machines.ts';
import { type Row, rowOf, writeRow } from './results.ts';
import { renamed } from './stripped.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCUMENT = join(ROOT, 'docs/environments.md');
const FOLDERS = /^test\/(?:binding|procfs|scan|descriptions|inspect|cli)\//;
/** The compiler, which these need, is not taken along; the servers neither. */
const LEFT_OUT = /types\.test\.ts$|servers\.test\.ts$/;
/** What loads nothing native. */
const WHERE_REFUSED = /^test\/binding\/(?:served|processor|headers)\.test\.ts$/;

const args = process.argv.slice(2);
const verbose = args.includes('--verbose');
/** `--only=REGEXP`: these files alone, and no table. */
const only = args.find((arg) => arg.startsWith('--only='))?.slice('--only='.length);
const given = args.filter((arg) => !arg.startsWith('-'));
const names = given[0] === 'all' ? Object.keys(MACHINES) : given;
const unknown = names.filter((name) => MACHINES[name] === undefined);
if (names.length === 0 || unknown.length > 0) {
  const known = ['all', ...Object.keys(MACHINES)].join(', ');
  console.error(`usage: npm run test:machines -- [--verbose] [--only=REGEXP] NAME…\nnames: ${known}`);
  process.exit(2);
}

const all = testFiles(ROOT).filter((file) => FOLDERS.test(file) && !LEFT_OUT.test(file));

/** Boots one, tells how it went, and answers its row of the table. */
async function test(name: string, machine: Machine): Promise<{ ok: boolean; row?: Row }> {
  const files = all.filter(
    (file) => (machine.refused === undefined || WHERE_REFUSED.test(file)) && (only === undefined || file.match(only)),
  );
  const image = buildImage(name, machine, ROOT, files.map(renamed));
  try {
    const report = await boot(machine, image, files.length, verbose);
    const { ok, system, result, seconds, output } = report;
    const where = system === undefined ? 'did not boot' : `${system.kernel}, Node ${system.node}`;
    console.log(`${name}: ${where}: ${result} (${seconds.toFixed(0)} s): ${ok ? 'ok' : 'FAILED'}`);
    if (!ok && !verbose) console.error(`--- ${name}\n${output}`);
    return { ok, ...(system === undefined ? {} : { row: rowOf(name, system, result) }) };
  } finally {
    rmSync(image.folder, { recursive: true, force: true });
  }
}

let failed = 0;
for (const name of names) {
  // One machine that cannot be built keeps the others from nothing.
  const { ok, row } = await test(name, MACHINES[name] as Machine).catch((error: unknown) => {
    console.error(`${name}: ${(error as Error).message}: FAILED`);
    return { ok: false, row: undefined };
  });
  if (!ok) failed++;
  // At once, since a run of all of them takes hours.
  if (row !== undefined && only === undefined) writeRow(DOCUMENT, row, Object.keys(MACHINES));
}
console.log(`${names.length - failed} of ${names.length} machines are ok`);
if (failed > 0) process.exitCode = 1;
