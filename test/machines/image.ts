/** What a machine boots: a kernel, and an initramfs with a Node, the project, and nothing else to speak of. */
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '../runtimes/cache.ts';
import { Debian } from './debian.ts';
import { init } from './init.ts';
import { RELEASE, type Machine } from './machines.ts';
import { run } from './run.ts';
import { copyStripped } from './stripped.ts';

const CACHE = cacheFolder('machines');
// Node's libraries, a shell, and the few programs that tests start.
const USERLAND = [
  'busybox-static',
  'libc6',
  'libstdc++6',
  'libgcc-s1',
  'libatomic1',
  'util-linux',
  'libcap-ng0',
  'libsmartcols1',
];

export interface Image {
  folder: string;
  kernel: string;
  initramfs: string;
}

export function buildImage(name: string, machine: Machine, project: string, tests: string[]): Image {
  const cache = join(CACHE, name);
  const folder = mkdtempSync(join(tmpdir(), `machine-${name}-`));
  const root = join(folder, 'root');

  const userland = new Debian(join(cache, RELEASE), machine.debian, RELEASE);
  userland.unpack(USERLAND, root);
  for (const path of ['usr/share/doc', 'usr/share/man', 'usr/share/locale'])
    rmSync(join(root, path), { recursive: true, force: true });
  const kernels =
    machine.release === RELEASE ? userland : new Debian(join(cache, machine.release), machine.debian, machine.release);
  const boot = join(folder, 'boot');
  kernels.unpack([kernels.kernelOf(machine.kernel)], boot, './boot');
  const kernel = readdirSync(join(boot, 'boot')).find((file) => file.startsWith('vmlinu'));
  if (kernel === undefined) throw new Error('the kernel package holds no kernel');

  addNode(machine.node, cache, root);
  addProject(machine.cpu, project, join(root, 'kcmp'));
  for (const path of ['proc', 'sys', 'dev', 'tmp', 'root', 'etc', 'run'])
    mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n');
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
  return { folder, kernel: join(boot, 'boot', kernel), initramfs };
}

function addNode(spec: string, cache: string, root: string): void {
  const place = join(cache, spec);
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
  for (const name of ['package.json', 'package-lock.json', 'tsconfig.json'])
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
