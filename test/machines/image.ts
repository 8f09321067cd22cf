/** What a machine boots: a kernel, and an initramfs with a Node, the project, and nothing else to speak of. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { cacheFolder } from '../runtimes/cache.ts';
import { Debian } from './debian.ts';
import { init, MODULES } from './init.ts';
import type { Machine, Release } from './machines.ts';
import { run } from './run.ts';
import { copyStripped } from './stripped.ts';

const CACHE = cacheFolder('machines');
/**
 * Libraries of Node, the few programs that tests start, and the kernel's headers. A shell besides busybox, whose own
 * prefers its own programs to those of the same name.
 */
const USERLAND = [
  ...['libstdc++6', 'libatomic1', 'linux-libc-dev'],
  ...['busybox-static', 'dash', 'coreutils', 'util-linux', 'mount', 'iproute2'],
];

export interface Image {
  folder: string;
  kernel: string;
  initramfs: string;
}

export function buildImage(name: string, machine: Machine, project: string, tests: string[]): Image {
  const folder = mkdtempSync(join(tmpdir(), `machine-${name}-`));
  const root = join(folder, 'root');
  const debian = (release: Release): Debian =>
    new Debian(join(CACHE, machine.debian, release), machine.debian, release);

  const userland = debian(machine.userland);
  userland.unpack(userland.withDependencies([...USERLAND, ...(machine.node === undefined ? ['nodejs'] : [])]), root);
  // Below /usr/share only Debian's Node has what it needs.
  const share = join(root, 'usr/share');
  for (const entry of readdirSync(share)) if (entry !== 'nodejs') rmSync(join(share, entry), { recursive: true });
  // Since Debian 13 only a package that nothing depends on makes these.
  for (const entry of ['bin', 'sbin', 'lib', 'lib64'])
    if (!existsSync(join(root, entry)) && existsSync(join(root, 'usr', entry)))
      symlinkSync(`usr/${entry}`, join(root, entry));

  const [release, meta] = machine.kernel;
  const kernels = release === machine.userland ? userland : debian(release);
  const boot = join(folder, 'boot');
  const packages = kernels.kernelOf(meta);
  kernels.unpack([packages.kernel], boot, '*/vmlinu[xz]*');
  kernels.unpack([packages.modules], boot, ...MODULES.map((name) => `*/${name}.ko*`));
  const unpacked = readdirSync(boot, { recursive: true, encoding: 'utf8' });
  const kernel = unpacked.find((file) => /\/vmlinu[xz][^/]*$/.test(file));
  if (kernel === undefined) throw new Error('the kernel package holds no kernel');

  for (const file of unpacked.filter((name) => /\.ko(?:\.xz)?$/.test(name)))
    cpSync(join(boot, file), join(root, 'modules', basename(file)));
  if (machine.node !== undefined) addNode(machine.node, root);
  addProject(machine.cpu, project, join(root, 'kcmp'));
  for (const path of ['proc', 'sys', 'dev', 'tmp', 'root', 'etc', 'run'])
    mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n');
  writeFileSync(join(root, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  writeFileSync(join(root, 'init'), init(tests));
  chmodSync(join(root, 'init'), 0o755);

  const initramfs = join(folder, 'initramfs');
  run(
    'sh',
    ['-c', 'find . -print0 | cpio --null --create --format=newc --quiet --owner=0:0 > "$1"', 'sh', initramfs],
    root,
  );
  rmSync(root, { recursive: true });
  return { folder, kernel: join(boot, kernel), initramfs };
}

function addNode(spec: string, root: string): void {
  const place = join(CACHE, spec);
  const binary = join(place, 'package/bin/node');
  if (!existsSync(binary)) {
    mkdirSync(place, { recursive: true });
    const tarball = run('npm', ['pack', '--silent', spec], place).trim();
    run('tar', ['-xzf', tarball, 'package/bin/node'], place);
    rmSync(join(place, tarball));
  }
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  cpSync(binary, join(root, 'usr/bin/node'));
  chmodSync(join(root, 'usr/bin/node'), 0o755);
}

/** The project with its dependencies for that architecture; the compiler stays at home. */
function addProject(cpu: string, project: string, target: string): void {
  mkdirSync(target, { recursive: true });
  for (const name of ['package.json', 'package-lock.json', 'tsconfig.json', 'README.md'])
    cpSync(join(project, name), join(target, name));
  run(
    'npm',
    ['ci', `--cpu=${cpu}`, '--os=linux', '--libc=glibc', '--ignore-scripts', '--no-audit', '--no-fund'],
    target,
  );
  copyStripped(project, target);
  for (const name of ['typescript', '@typescript'])
    rmSync(join(target, 'node_modules', name), { recursive: true, force: true });
}
