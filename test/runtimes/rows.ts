/** What runs where: every row of the table of runtimes. */
import { join } from 'node:path';
import { BUN, DENO, NODES, STRIPS_TYPES, type Binaries } from './binaries.ts';
import type { Compiled } from './compiled.ts';
import { muslEnvironment, muslMissing } from './musl.ts';
import { runFacts, runSuite, type Outcome } from './run.ts';

export interface Row {
  runtime: string;
  way: string;
  run: () => Promise<Outcome>;
}

/** How the facts reach the package. */
const WAYS = ['import', 'require', 'worker'] as const;
/** Lines whose lowest version runs the facts alone: the newest runs the suite. */
const FACTS_ALONE = new Set(['22.13.0']);
/** How many facts need a child process, and how many /proc. */
const OF_CHILDREN = 7;
const OF_PROC = 2;

/** On a build machine everything has to be there. */
const leaveOut = (reason: string): Promise<Outcome> =>
  Promise.resolve({ ok: process.env['CI'] === undefined, result: `left out: ${reason}`, seconds: 0, output: '' });

export function rowsOf(binaries: Binaries, compiled: Compiled, root: string, tests: string[]): Row[] {
  const source = join(root, 'test/runtimes/facts.ts');
  const facts = (runtime: string, way: string, binary: string, args: string[], leftOut = 0): Row => ({
    runtime,
    way,
    run: () => runFacts(binary, args, root, leftOut),
  });

  const rowsOfNode = (version: (typeof NODES)[number]): Row[] => {
    const name = `Node ${version}`;
    const node = binaries.node[version];
    const permission = version.startsWith('20.') ? '--experimental-permission' : '--permission';
    const allowed = ['--allow-addons', ...[root, compiled.folder, '/proc'].map((path) => `--allow-fs-read=${path}`)];
    return [
      ...(FACTS_ALONE.has(version)
        ? []
        : [{ runtime: name, way: 'the test suite', run: () => runSuite(node, tests, root) }]),
      ...WAYS.map((way) => facts(name, `JavaScript, ${way}`, node, [compiled.facts, way])),
      facts(name, 'permission model', node, [permission, ...allowed, compiled.facts], OF_CHILDREN),
      facts(name, 'TypeScript, tsx', node, ['--import', 'tsx', source]),
      ...(STRIPS_TYPES.test(version)
        ? WAYS.map((way) => facts(name, `TypeScript, types stripped, ${way}`, node, [source, way]))
        : []),
    ];
  };

  const missing = muslMissing();
  const env = missing === undefined ? muslEnvironment(compiled.folder) : {};
  const rowsOfMusl = WAYS.map(
    (way): Row => ({
      runtime: `Bun ${BUN}, musl`,
      way: `TypeScript, ${way}`,
      run: () => (missing === undefined ? runFacts(binaries.bunMusl, [source, way], root, 0, env) : leaveOut(missing)),
    }),
  );

  return [
    ...NODES.flatMap(rowsOfNode),
    ...WAYS.map((way) => facts(`Bun ${BUN}`, `TypeScript, ${way}`, binaries.bun, [source, way])),
    facts(`Bun ${BUN}`, 'JavaScript, require', binaries.bun, [compiled.facts, 'require']),
    ...rowsOfMusl,
    ...WAYS.map((way) => facts(`Deno ${DENO}`, `TypeScript, ${way}, -A`, binaries.deno, ['run', '-A', source, way])),
    facts(
      `Deno ${DENO}`,
      'TypeScript, --allow-ffi --allow-read',
      binaries.deno,
      ['run', '--no-prompt', '--allow-ffi', '--allow-read', source],
      OF_CHILDREN + OF_PROC,
    ),
  ];
}
