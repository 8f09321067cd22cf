/** Ways to install what no registry has: a git URL, a folder, globally. Each begins with a clone in which nothing was built. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Check } from './check.ts';
import {
  BERRY_ADD,
  BERRY_REACH,
  bunAdd,
  installed,
  NPM,
  PNPM_ADD,
  type Reach,
  usable,
  YARN_CLASSIC_ADD,
} from './installed.ts';
import { run } from './shell.ts';

const INSTALL = NPM.filter((word) => word !== '--ignore-scripts');
const GIT = ['git', '-c', 'user.name=kcmp', '-c', 'user.email=kcmp@localhost', '-c', 'init.defaultBranch=main'];
const OLD_NODE = ['npm', 'exec', '--yes', '--package=node@18', '--', 'node'];

/** A clone of the sources as they are, uncommitted changes too. */
function clone(root: string, to: string): string {
  mkdirSync(to);
  const listed = run(['git', 'ls-files', '-co', '--exclude-standard'], { cwd: root }).split('\n').filter(Boolean);
  const files = listed.filter((file) => existsSync(join(root, file)));
  run(['cp', '--parents', '-P', '-t', to, ...files], { cwd: root });
  for (const args of [
    ['init', '-q'],
    ['add', '-A'],
    ['commit', '-q', '-m', 'all'],
  ])
    run([...GIT, ...args], { cwd: to });
  return to;
}

/**
 * Others that build what they fetch by git: pnpm, where the project says that it may, and Yarn 1. Bun does not install what
 * a build needs, and Yarn from 2 on takes no git URL of this machine's own files.
 */
function fromGit(folder: string): Check[] {
  const url = `git+file://${join(folder, 'kcmp.git')}`;
  const mayBuild = (): string => {
    const commit = run(['git', '-C', join(folder, 'kcmp.git'), 'rev-parse', 'HEAD'], { cwd: folder }).trim();
    return `onlyBuiltDependencies:\n  - "kcmp@${url}#${commit}"\n`;
  };
  const withScripts = (install: string[]): string[] => install.filter((word) => word !== '--ignore-scripts');
  const managers: Array<[name: string, install: string[], files: () => Record<string, string>]> = [
    ['pnpm', withScripts(PNPM_ADD), () => ({ 'pnpm-workspace.yaml': mayBuild() })],
    ['yarn-classic', withScripts(YARN_CLASSIC_ADD), () => ({})],
  ];
  return managers.flatMap(([name, install, files]) => [
    {
      title: `${name} installs it from a git URL, and builds it`,
      run: () => {
        installed(folder, `${name}-git`, url, install, [], files());
      },
    },
    ...usable(join(folder, `${name}-git`), `${name} from a git URL`),
  ]);
}

/** Others take a folder as it is: it was built there by npm before. */
function fromFolder(folder: string): Check[] {
  const source = join(folder, 'clone');
  const managers: Array<[name: string, install: () => string[], what: string, reach?: Reach]> = [
    ['pnpm', () => PNPM_ADD, source],
    ['yarn-classic', () => YARN_CLASSIC_ADD, `file:${source}`],
    ['yarn-berry', () => BERRY_ADD, `kcmp@file:${source}`, BERRY_REACH],
    ['bun', () => bunAdd(folder), source],
  ];
  return managers.flatMap(([name, install, what, reach]) => [
    {
      title: `${name} installs it from a folder that is built`,
      run: () => {
        installed(folder, `${name}-folder`, what, install());
      },
    },
    ...usable(join(folder, `${name}-folder`), `${name} from a folder`, reach),
  ]);
}

export function ways(root: string, folder: string, tarball: string): Check[] {
  const [git, linked, prefix] = ['git', 'linked', 'global'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  let source = '';
  return [
    {
      title: 'npm installs it from a git URL, and builds it',
      run: () => {
        source = clone(root, join(folder, 'clone'));
        run(['git', 'clone', '-q', '--bare', source, join(folder, 'kcmp.git')], { cwd: folder });
        installed(folder, 'git', `git+file://${join(folder, 'kcmp.git')}`, INSTALL);
      },
    },
    ...usable(git, 'a git URL'),
    {
      title: 'npm installs it from a folder, and builds it there',
      run: () => {
        installed(folder, 'linked', source, INSTALL);
      },
    },
    ...usable(linked, 'a folder'),
    ...fromGit(folder),
    ...fromFolder(folder),
    {
      title: 'npm installs it globally, with its manual pages',
      run: () => {
        run([...NPM, '--global', '--prefix', prefix, tarball], { cwd: folder });
        const page = run(['zcat', join(prefix, 'share/man/man1/kcmp-who.1.gz')], { cwd: folder });
        assert.match(page, /^\.TH "KCMP\\-WHO" "1"/);
        return run([join(prefix, 'bin/kcmp'), '--version'], { cwd: folder }).trim();
      },
    },
    {
      title: 'on Node 18 the command says in one line what it needs, and the library in one message',
      run: () => {
        const script = join(git, 'old.mjs');
        writeFileSync(script, "import 'kcmp';");
        const [command, library] = [join(prefix, 'bin/kcmp'), script].map((file) => {
          const [npm = '', ...args] = [...OLD_NODE, file];
          return spawnSync(npm, args, { cwd: git, encoding: 'utf8' });
        });
        const needed = 'kcmp: Node 20.19 or later, or 22.13 or later, is needed, and this is v18';
        assert.match(command?.stderr ?? '', new RegExp(`^${needed}[\\d.]+\n$`));
        assert.equal(command?.status, 2);
        assert.match(library?.stderr ?? '', new RegExp(`^Error: ${needed}`, 'm'));
      },
    },
  ];
}
