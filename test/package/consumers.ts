/** The declarations, compiled by consumers: five compilers, three resolutions, both module systems. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Check } from './check.ts';
import { installed, NPM } from './installed.ts';
import { run } from './shell.ts';

const COMPILERS = ['5.2.2', '5.4.5', '5.9.3', '6.0.2', '7.0.2'];

const USE = `
const file: FileRef = { pid: 1, fd: 0 };
const same: boolean = sameFile(file, file);
const order: -1 | 0 | 1 = compareFiles(file, file);
const result: 0 | 1 | 2 | 3 = kcmp(1, 1, KCMP_FILE, 0, 0);
const bytes: Uint8Array = packEpollSlot({ efd: 1, tfd: 2 });
const status: string = resolveEpoll(1, 2).targets.map((target) => target.status).join();
const report: HolderReport = findHolders(file, { pids: [1], onProgress: (done: number, total: number) => void (done + total) });
const codeOf = (error: unknown): string => (error instanceof KcmpError ? (error satisfies Failure).code : '');
const options: Abortable & { pids: number[] } = { pids: [1], signal: { aborted: false } };
const later: Promise<HolderReport> = promises.findHolders(file, options);
// @ts-expect-error no signal
promises.taskSharing([1], { signal: 1 });
// @ts-expect-error an index is missing
kcmp(1, 1, KCMP_FILE, 0);
void [same, order, result, bytes, status, report, codeOf, later];
`;
const NAMES = 'compareFiles, findHolders, kcmp, KcmpError, KCMP_FILE, packEpollSlot, resolveEpoll, sameFile';
const IMPORT = `import { ${NAMES}, type FileRef, type HolderReport, type KcmpError as Failure } from 'kcmp';
import * as promises from 'kcmp/promises';
import type { Abortable } from 'kcmp/promises';${USE}`;
// CommonJS: what every resolution allows, and require() itself, which compilers know since 5.8.
const DYNAMIC = `import type { FileRef, HolderReport, KcmpError as Failure } from 'kcmp' with { 'resolution-mode': 'import' };
import type { Abortable } from 'kcmp/promises' with { 'resolution-mode': 'import' };
void (async () => { const { ${NAMES} } = await import('kcmp'), promises = await import('kcmp/promises');${USE} })();`;

interface Kind {
  name: string;
  options: Record<string, string>;
  files: (compiler: string) => Record<string, string>;
}

const knowsRequire = (compiler: string): boolean => !/^5\.[24]/.test(compiler);
/** `import type … with`, which came with 5.3. */
const dynamic = (compiler: string): Record<string, string> =>
  compiler.startsWith('5.2') ? {} : { 'dynamic.cts': DYNAMIC };

const KINDS: Kind[] = [
  {
    name: 'nodenext',
    options: { module: 'nodenext' },
    files: (compiler) => ({
      'esm.mts': IMPORT,
      ...dynamic(compiler),
      ...(knowsRequire(compiler) ? { 'require.cts': IMPORT } : {}),
    }),
  },
  { name: 'node16', options: { module: 'node16' }, files: (compiler) => ({ 'esm.mts': IMPORT, ...dynamic(compiler) }) },
  {
    name: 'bundler',
    options: { module: 'esnext', moduleResolution: 'bundler' },
    files: () => ({ 'esm.mts': IMPORT, 'require.cts': IMPORT }),
  },
];

export function consumers(folder: string, tarball: string): Check[] {
  let project = '';
  const compilers = COMPILERS.map((version) => `typescript-${version}@npm:typescript@${version}`);
  return [
    {
      title: 'the compilers install beside it',
      run: () => {
        project = installed(folder, 'types', tarball, NPM, compilers);
      },
    },
    ...COMPILERS.flatMap((compiler) =>
      KINDS.map(
        (kind): Check => ({
          title: `declarations compile on TypeScript ${compiler}, ${kind.name}`,
          run: () => {
            const place = join(project, `${compiler}-${kind.name}`);
            mkdirSync(place);
            const files = kind.files(compiler);
            for (const [name, text] of Object.entries(files)) writeFileSync(join(place, name), `${text}\nexport {};\n`);
            // No types of Node: the declarations have to stand alone.
            const compilerOptions = {
              target: 'es2022',
              lib: ['es2022'],
              types: [],
              strict: true,
              noEmit: true,
              skipLibCheck: false,
              exactOptionalPropertyTypes: true,
              ...kind.options,
            };
            writeFileSync(join(place, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: Object.keys(files) }));
            run([process.execPath, join(project, 'node_modules', `typescript-${compiler}`, 'bin/tsc'), '-p', place], {
              cwd: place,
            });
            return Object.keys(files).join(', ');
          },
        }),
      ),
    ),
  ];
}
