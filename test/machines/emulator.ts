/** The emulator of a machine: the installed one, or a newer one beside it, which brings its own libraries. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../runtimes/cache.ts';
import { Debian } from './debian.ts';
import type { Machine } from './machines.ts';
import { run } from './run.ts';

const RELEASE = 'trixie';

/** The command that starts it, with the machine's options. */
export function emulatorOf({ qemu, emulator, newer }: Machine): string[] {
  const [program = '', ...flags] = qemu;
  if (newer === undefined && spawnSync(program, ['--version']).status === 0) return [program, ...flags];
  const root = unpacked(emulator);
  const libraries = join(root, 'usr/lib');
  const loader = readdirSync(libraries)
    .filter((name) => name.includes('-linux-gnu'))
    .flatMap((name) => readdirSync(join(libraries, name)).map((file) => join(libraries, name, file)))
    .find((path) => /\/ld[-.\w]*\.so\.\d$/.test(path));
  if (loader === undefined) throw new Error(`${libraries} holds no loader`);
  return [
    loader,
    ...['--library-path', dirname(loader)],
    join(root, 'usr/bin', program),
    ...['qemu', 'seabios'].flatMap((name) => ['-L', join(root, 'usr/share', name)]),
    ...flags.map((flag) => (flag.startsWith('@') ? join(root, flag.slice(1)) : flag)),
  ];
}

function unpacked(packages: readonly string[]): string {
  const architecture = run('dpkg', ['--print-architecture'], '/').trim();
  const folder = join(cacheFolder('machines'), 'emulators', ...packages);
  const root = join(folder, 'root');
  if (existsSync(root)) return root;
  // Named so at the end, since a run may be cut off in the middle.
  const partly = `${root}.part`;
  rmSync(partly, { recursive: true, force: true });
  const debian = new Debian(join(folder, RELEASE), architecture, RELEASE);
  debian.unpack(debian.withDependencies([...packages]), partly);
  renameSync(partly, root);
  return root;
}
