/**
 * A musl runtime on a glibc machine: Bun's build for musl and koffi's, under musl's own loader (Debian's package musl).
 * Debian has no C++ library for musl, so that glibc's stands in, with what it misses from musl.c.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SHIM = fileURLToPath(new URL('./musl.c', import.meta.url));
const LIBRARIES = ['libstdc++.so.6', 'libgcc_s.so.1'];

/** Why there can be no musl here, or nothing. */
export function muslMissing(): string | undefined {
  if (process.arch !== 'x64') return 'only set up for x64';
  if (!existsSync('/lib/ld-musl-x86_64.so.1')) return 'the package musl is not installed';
  if (spawnSync('cc', ['--version']).status !== 0) return 'there is no C compiler';
  return undefined;
}

/** Makes the libraries in a folder. @returns the environment in which a musl program finds them */
export function muslEnvironment(folder: string): NodeJS.ProcessEnv {
  const lib = join(folder, 'musl');
  mkdirSync(lib);
  const shim = join(lib, 'shim.so');
  const cc = spawnSync(
    'cc',
    ['-Wall', '-Wextra', '-Werror', '-O1', '-shared', '-fPIC', '-nostdlib', '-o', shim, SHIM],
    { encoding: 'utf8' },
  );
  if (cc.status !== 0) throw new Error(cc.stderr);
  for (const name of LIBRARIES) copyFileSync(join('/lib/x86_64-linux-gnu', name), join(lib, name));
  symlinkSync('/lib/ld-musl-x86_64.so.1', join(lib, 'ld-linux-x86-64.so.2')); // which these ask for by name
  return { LD_LIBRARY_PATH: lib, LD_PRELOAD: shim };
}
