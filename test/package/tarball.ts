/** What `npm pack` would publish: what a user needs, and nothing else. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Check } from './check.ts';
import { run } from './shell.ts';

interface Packed {
  filename: string;
  unpackedSize: number;
  files: Array<{ path: string; mode: number }>;
}

export interface Tarball {
  file: string;
  checks: Check[];
}

const WANTED = [
  'package.json',
  'README.md',
  'LICENSE',
  'dist/index.js',
  'dist/index.d.ts',
  'dist/promises.js',
  'dist/promises.d.ts',
  'dist/cli/main.cjs',
  'src/cli/help/kcmp.txt',
];
const ALLOWED =
  /^(?:package\.json|README\.md|LICENSE|dist\/[\w/-]+\.c?js|dist\/(?:index|promises)\.d\.ts|src\/cli\/(?:help\/\w+\.txt|completion\/kcmp\.\w+)|dist\/man\/kcmp[\w-]*\.1\.gz)$/;
const MAX_UNPACKED = 6e5;

export function pack(root: string, folder: string): Tarball {
  const output = run(['npm', 'pack', '--json', '--loglevel=error', '--pack-destination', folder], { cwd: root });
  const answer: unknown = JSON.parse(output.slice(output.search(/^[[{]/m))); // behind what the build prints
  // An array up to npm 11, an object by name from npm 12.
  const packed = Object.values(answer as Record<string, Packed>)[0] as Packed;
  const paths = packed.files.map(({ path }) => path);
  return {
    file: join(folder, packed.filename),
    checks: [
      {
        title: 'the tarball has all that a user needs',
        run: () =>
          assert.deepEqual(
            WANTED.filter((path) => !paths.includes(path)),
            [],
          ),
      },
      {
        title: 'the tarball has nothing else',
        run: () =>
          assert.deepEqual(
            paths.filter((path) => !ALLOWED.test(path)),
            [],
          ),
      },
      {
        title: 'the tarball is small',
        run: () => {
          assert.ok(packed.unpackedSize < MAX_UNPACKED, `${packed.unpackedSize} bytes`);
          return `${paths.length} files, ${Math.round(packed.unpackedSize / 1024)} KiB unpacked`;
        },
      },
    ],
  };
}
