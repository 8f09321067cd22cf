/** The tarball in consumers' projects: installed without scripts by every package manager, reached in every way. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Check } from './check.ts';
import { run } from './shell.ts';

const PNPM = 'pnpm@10.34.9';
const YARN_CLASSIC = 'yarn@1.22.22';
const YARN = '@yarnpkg/cli-dist@4.18.1';
const BUN = `@oven/bun-linux-${process.arch === 'arm64' ? 'aarch64' : 'x64'}@1.4.5`;
const NOBODY = 65534;
const ROOT = new URL('../../', import.meta.url);
const { version: VERSION } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as { version: string };

const SAME = `const { pid } = process; console.log(kcmp.sameFile({ pid, fd: 0 }, { pid, fd: 0 }), kcmp.probe({ isolated: true }).status);
later.groupFiles({ pids: [pid], signal: new AbortController().signal }).then(({ coverage }) => console.log(coverage.processes));`;
export const ESM: string = `import * as kcmp from 'kcmp'; import * as later from 'kcmp/promises'; ${SAME}`;
const CJS = `const kcmp = require('kcmp'), later = require('kcmp/promises'); ${SAME}`;
const DYNAMIC = `Promise.all([import('kcmp'), import('kcmp/promises')]).then(([kcmp, later]) => { ${SAME} });`;
export const ANSWER = 'true available\n1\n';

/** An empty project that has installed the tarball. */
export function installed(
  folder: string,
  name: string,
  tarball: string,
  install: string[],
  more: string[] = [],
  files: Readonly<Record<string, string>> = {},
): string {
  const project = join(folder, name);
  mkdirSync(project);
  const manifest = { name: `consumer-${name}`, version: '1.0.0', private: true };
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest));
  if (install === BERRY_ADD) {
    const settings = ['enableTelemetry', 'enableScripts', 'enableGlobalCache'].map((name) => `${name}: false\n`);
    writeFileSync(join(project, '.yarnrc.yml'), settings.join(''));
    writeFileSync(join(project, 'yarn.lock'), '');
  }
  for (const [file, text] of Object.entries(files)) writeFileSync(join(project, file), text);
  run([...install, tarball, ...more], { cwd: project });
  return project;
}

export const NPM: string[] = ['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
const EXEC = ['npm', 'exec', '--yes'];
export const PNPM_ADD: string[] = [...EXEC, '--', PNPM, 'add', '--ignore-scripts'];
export const YARN_CLASSIC_ADD: string[] = [...EXEC, '--', YARN_CLASSIC, 'add', '--ignore-scripts', '--silent'];
/** With Plug'n'Play, as it is set up when nothing is said: no node_modules, and packages stay zipped. */
const BERRY = [...EXEC, `--package=${YARN}`, '--', 'yarn'];
export const BERRY_ADD: string[] = [...BERRY, 'add'];

/** Its package puts nothing in PATH. */
export function bunAdd(folder: string): string[] {
  const place = join(folder, 'bun-itself');
  mkdirSync(place, { recursive: true });
  run([...NPM, '--prefix', place, BUN], { cwd: place });
  return [join(place, 'node_modules', BUN.slice(0, BUN.lastIndexOf('@')), 'bin/bun'), 'add', '--ignore-scripts'];
}

function packagesOf(project: string): string[] {
  const modules = join(project, 'node_modules');
  return readdirSync(modules)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
    );
}

export interface Reach {
  node: string[];
  /** What runs the command. */
  npx: string[];
}
/** Through Yarn, which alone knows where packages are. */
export const BERRY_REACH: Reach = { node: [...BERRY, 'node'], npx: BERRY };
const MODULES: Reach = { node: [process.execPath], npx: ['npx', '--no-install'] };

export function usable(project: string, how: string, { node, npx }: Reach = MODULES): Check[] {
  return [
    {
      title: `import works after ${how}`,
      run: () => assert.equal(run([...node, '--input-type=module', '-e', ESM], { cwd: project }), ANSWER),
    },
    {
      title: `require works after ${how}`,
      run: () => assert.equal(run([...node, '--no-deprecation', '-e', CJS], { cwd: project }), ANSWER),
    },
    {
      title: `import() from CommonJS works after ${how}`,
      run: () => assert.equal(run([...node, '--input-type=commonjs', '-e', DYNAMIC], { cwd: project }), ANSWER),
    },
    {
      title: `the command works after ${how}`,
      run: () => {
        const version = run([...npx, 'kcmp', '--version'], { cwd: project }).trim();
        assert.equal(version, VERSION);
        assert.match(run([...npx, 'kcmp', 'doctor'], { cwd: project }), /^kcmp works here/);
        return version;
      },
    },
  ];
}

export function installations(folder: string, tarball: string): Check[] {
  const npm = join(folder, 'npm');
  return [
    {
      title: 'npm installs it without scripts',
      run: () => {
        const names = packagesOf(installed(folder, 'npm', tarball, NPM));
        assert.deepEqual(
          names.filter((name) => !/^(?:kcmp|koffi|@koromix\/koffi-[\w-]+)$/.test(name)),
          [],
        );
        return `${names.length - 1} packages with it: ${names.filter((name) => name !== 'kcmp').join(', ')}`;
      },
    },
    ...usable(npm, 'npm install'),
    ...others(folder, tarball),
    {
      title: "kcmp doctor says the same under Node's permission model",
      run: () => {
        const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
        const isExperimental = major < 22 || (major === 22 && minor < 13);
        const permission = isExperimental ? '--experimental-permission' : '--permission';
        const allowed = ['--allow-addons', '--allow-fs-read=/proc', `--allow-fs-read=${npm}`];
        const doctor = [join(npm, 'node_modules/kcmp/dist/cli/main.cjs'), 'doctor'];
        const firstLine = (...flags: string[]): string =>
          run([process.execPath, '--no-warnings', ...flags, ...doctor], { cwd: npm }).split('\n', 1)[0] ?? '';
        assert.equal(firstLine(permission, ...allowed), firstLine());
        return firstLine();
      },
    },
    {
      title: 'the command works where require() may load no module',
      run: () => {
        const options = ['--no-experimental-require-module', '--experimental-default-type=module'];
        const command = [
          join(npm, 'node_modules/kcmp/dist/cli/main.cjs'),
          'same',
          `${process.pid}:0`,
          `${process.pid}:0`,
        ];
        for (const option of options.filter((one) => process.allowedNodeEnvironmentFlags.has(one)))
          assert.match(run([process.execPath, option, ...command], { cwd: npm }), / are one open file description/);
        return options.join(', ');
      },
    },
    ...firstSteps(folder, tarball),
  ];
}

/** Other package managers. */
function others(folder: string, tarball: string): Check[] {
  const zipped = `kcmp@file:${tarball}`;
  const managers: Array<[name: string, install: () => string[], tarball: string, reach?: Reach]> = [
    ['pnpm', () => PNPM_ADD, tarball],
    ['yarn-classic', () => YARN_CLASSIC_ADD, `file:${tarball}`],
    ['yarn-berry', () => BERRY_ADD, zipped, BERRY_REACH],
    ['bun', () => bunAdd(folder), tarball],
  ];
  return managers.flatMap(([name, install, what, reach]) => [
    {
      title: `${name} installs it without scripts`,
      run: () => {
        installed(folder, name, what, install());
      },
    },
    ...usable(join(folder, name), name, reach),
  ]);
}

const FIRST = `import { sameFile } from 'kcmp';
const { pid } = process;
const same: boolean = sameFile({ pid, fd: 0 }, { pid, fd: 0 });
console.log(same, process.getuid?.() !== 0);
`;

/** What a newcomer does: as an ordinary user, on a machine where nothing but Node can be found. */
function firstSteps(folder: string, tarball: string): Check[] {
  return [
    {
      title: 'npm init, npm install, one TypeScript file and npx tsx work without root and without a compiler',
      run: () => {
        const home = join(folder, 'newcomer');
        const bin = join(folder, 'bin');
        for (const path of [home, bin]) mkdirSync(path, { mode: 0o755 });
        for (const name of ['node', 'npm', 'npx', 'sh', 'env', 'setpriv']) symlinkSync(which(name), join(bin, name));
        writeFileSync(join(home, 'first.ts'), FIRST);
        const root = process.getuid?.() === 0;
        if (root) run(['chown', '-R', `${NOBODY}:${NOBODY}`, home], { cwd: folder });
        const drop = root ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];
        const step = (...command: string[]): string =>
          run([...drop, ...command], {
            cwd: home,
            env: { HOME: home, PATH: bin, npm_config_cache: join(home, '.npm'), TMPDIR: home },
          });
        step('npm', 'init', '-y');
        step('npm', 'install', '--no-audit', '--no-fund', tarball);
        assert.equal(step('npx', '--yes', 'tsx', 'first.ts'), 'true true\n');
      },
    },
  ];
}

function which(name: string): string {
  const found = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'))
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
  assert.ok(found, `${name} is not on this machine`);
  return found;
}
