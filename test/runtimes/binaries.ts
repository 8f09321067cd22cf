/** The runtimes themselves, as packages that carry their binaries, kept from one run to the next. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './cache.ts';

/** The lowest Node of each engine range, and the newest of each line. */
export const NODES = ['20.19.0', '22.13.0', '22.23.3', '24.21.0', '26.10.0'] as const;
/** The first line of Node that runs .ts files without a flag, and its first version on the line before. */
export const STRIPS_TYPES: RegExp = /^(?:22\.(?:1[89]|[2-9]\d)|2[3-9])/;
export const BUN = '1.4.5';
export const DENO = '2.9.6';

const { arch } = process;
const DENO_ARCH = arch === 'arm64' ? 'arm64' : 'x64';
const BUN_ARCH = arch === 'arm64' ? 'aarch64' : 'x64';

const CACHE = cacheFolder('runtimes');

const packages: Record<string, string> = {
  ...Object.fromEntries(NODES.map((version) => [`node-${version}`, `npm:node-linux-${arch}@${version}`])),
  bun: `npm:@oven/bun-linux-${BUN_ARCH}@${BUN}`,
  'bun-musl': `npm:@oven/bun-linux-${BUN_ARCH}-musl@${BUN}`,
  deno: `npm:@deno/linux-${DENO_ARCH}-glibc@${DENO}`,
};

export interface Binaries {
  node: Record<(typeof NODES)[number], string>;
  bun: string;
  bunMusl: string;
  deno: string;
}

/** Installs what is missing. */
export function installBinaries(): Binaries {
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(join(CACHE, 'package.json'), JSON.stringify({ private: true, dependencies: packages }));
  // Forced, since npm takes the package for musl to be none of this machine's business.
  const npm = spawnSync(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--force'],
    { cwd: CACHE, encoding: 'utf8' },
  );
  if (npm.status !== 0) throw new Error(`npm could not install the runtimes: ${npm.stderr}`);
  const binary = (name: string, path: string): string => {
    const file = join(CACHE, 'node_modules', name, path);
    if (!existsSync(file)) throw new Error(`${file} is missing`);
    return file;
  };
  return {
    node: Object.fromEntries(
      NODES.map((version) => [version, binary(`node-${version}`, 'bin/node')]),
    ) as Binaries['node'],
    bun: binary('bun', 'bin/bun'),
    bunMusl: binary('bun-musl', 'bin/bun'),
    deno: binary('deno', 'deno'),
  };
}
