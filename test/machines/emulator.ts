/** The emulator of a machine: the installed one, or a newer one beside it, which brings its own libraries. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../runtimes/cache.ts';
import { Debian } from './debian.ts';
import type { Machine } from './machines.ts';
import { run } from './run.ts';

const RELEASE = 'trixie';

/** The command that starts it, with the machine's options. */
export function emulatorOf({ qemu, emulator }: Machine): string[] {
  const [program = '', ...flags] = qemu;
  if (emulator === undefined) return [program, ...flags];
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
    ...['-L', join(root, 'usr/share/qemu')],
    ...flags.map((flag) => (flag.startsWith('@') ? join(root, flag.slice(1)) : flag)),
  ];
}

function unpacked(packages: readonly string[]): string {
  const architecture = run('dpkg', ['--print-architecture'], '/').trim();
  const folder = join(cacheFolder('machines'), 'emulators', ...packages);
  const root = join(folder, 'root');
  if (existsSync(root)) return root;
  const debian = new Debian(join(folder, RELEASE), architecture, RELEASE);
  try {
    debian.unpack(debian.withDependencies([...packages]), root);
  } catch (error) {
    rmSync(root, { recursive: true, force: true });
    throw error;
  }
  return root;
}
