/**
 * What is measured is what users install: the package as it is built, copied to a temporary folder. Under tsx the
 * same code is a tenth slower, because tsx names every function by a call that keeps V8 from inlining it.
 * The references are compiled beside it, where there is a compiler.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCES = fileURLToPath(new URL('./reference', import.meta.url));

export type Library = typeof import('../../src/index.ts');
export type Promises = typeof import('../../src/promises.ts');
/** What index.ts does not export. */
const INNER = ['netlink/namespaces', 'netlink/unix', 'inspect/epoll'];
export type Inner = typeof import('../../src/netlink/namespaces.ts') &
  typeof import('../../src/netlink/unix.ts') &
  typeof import('../../src/inspect/epoll.ts');

/** What a reference did: `struct counts` of reference.h. */
export interface Counts {
  descriptors: number;
  groups: number;
  holders: number;
  kcmpCalls: number;
  procReads: number;
}

/** The references in C, by the names of their functions. */
export interface References {
  loopFile(times: number, pid1: number, pid2: number, fd1: number, fd2: number): void;
  loopEpollTarget(times: number, pid1: number, pid2: number, fd: number, efd: number, tfd: number, toff: number): void;
  groupBySort(pids: Int32Array): Counts;
  groupByInode(pids: Int32Array): Counts;
  epollConfirm(pid: number, efd: number, tfds: Int32Array, fds: Int32Array): Counts;
  epollSearch(pid: number, efd: number, tfds: Int32Array): Counts;
  listUnix(): Counts;
}

export interface Build {
  /** dist/index.js. */
  index: string;
  /** A module with nothing in it. */
  empty: string;
  /** dist/cli/main.cjs. */
  main: string;
  library: Library;
  promises: Promises;
  inner: Inner;
  /** Undefined without a C compiler. */
  references: References | undefined;
}

function run(command: string, args: string[]): void {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw error ?? new Error(`${command} ended with ${status}:\n${stdout}${stderr}`);
}

export const isInstalled = (command: string): boolean =>
  (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, command)));

export async function build(): Promise<Build> {
  const folder = mkdtempSync(join(tmpdir(), 'kcmp-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const dist = join(folder, 'dist');
  run('npm', ['run', 'build']);
  cpSync(join(ROOT, 'dist'), dist, { recursive: true });
  copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  for (const name of ['node_modules', 'src']) symlinkSync(join(ROOT, name), join(folder, name)); // the help is read from src
  const index = join(dist, 'index.js');
  const empty = join(folder, 'empty.js');
  writeFileSync(empty, '');
  return {
    index,
    empty,
    main: join(dist, 'cli/main.cjs'),
    library: (await import(pathToFileURL(index).href)) as Library,
    promises: (await import(pathToFileURL(join(dist, 'promises.js')).href)) as Promises,
    inner: await buildInner(join(folder, 'inner.js')),
    references: isInstalled('cc') ? compileReferences(join(folder, 'reference.so')) : undefined,
  };
}

async function buildInner(output: string): Promise<Inner> {
  const entry = `${output}.ts`;
  const modules = INNER.map((name) => join(ROOT, 'src', `${name}.ts`));
  writeFileSync(entry, modules.map((path) => `export * from ${JSON.stringify(path)};\n`).join(''));
  const like = [
    '--bundle',
    '--format=esm',
    '--platform=node',
    '--target=node20.19',
    '--external:koffi',
    '--minify-syntax',
  ];
  run('npx', ['esbuild', entry, ...like, '--log-level=warning', `--outfile=${output}`]);
  return (await import(pathToFileURL(output).href)) as Inner;
}

function compileReferences(output: string): References {
  const sources = readdirSync(SOURCES)
    .filter((name) => name.endsWith('.c'))
    .map((name) => join(SOURCES, name));
  run('cc', ['-O2', '-Wall', '-shared', '-fPIC', ...sources, '-o', output]);
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const shared = koffi.load(output);
  type Call = (...args: unknown[]) => number;
  const declare = (declaration: string): Call => shared.func(declaration) as unknown as Call;
  const counting = (declaration: string): ((...args: unknown[]) => Counts) => {
    const call = declare(declaration);
    return (...args) => {
      const out = new BigInt64Array(6);
      if (call(...args, out) !== 0) throw new Error(`${declaration} could not read the scene`);
      const [descriptors = 0, groups = 0, holders = 0, kcmpCalls = 0, procReads = 0, errors = 0] = Array.from(
        out,
        Number,
      );
      if (errors !== 0) throw new Error(`${declaration}: ${errors} calls failed`);
      return { descriptors, groups, holders, kcmpCalls, procReads };
    };
  };
  const bySort = counting('int group_by_sort(void *pids, int length, void *counts)');
  const byInode = counting('int group_by_inode(void *pids, int length, void *counts)');
  const confirm = counting('int epoll_confirm(int pid, int efd, void *tfds, void *fds, int length, void *counts)');
  const search = counting('int epoll_search(int pid, int efd, void *tfds, int length, void *counts)');
  return {
    loopFile: declare('long loop_file(int, int, int, int, int)'),
    loopEpollTarget: declare('long loop_epoll_target(int, int, int, int, int, int, int)'),
    groupBySort: (pids) => bySort(pids, pids.length),
    groupByInode: (pids) => byInode(pids, pids.length),
    epollConfirm: (pid, efd, tfds, fds) => confirm(pid, efd, tfds, fds, tfds.length),
    epollSearch: (pid, efd, tfds) => search(pid, efd, tfds, tfds.length),
    listUnix: counting('int list_unix(void *counts)'),
  };
}
