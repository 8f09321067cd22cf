/** Recorded trees: what a /proc was like, made again in a folder; and modules run as somebody else. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import '../support/leash.ts';

/** A file's text, a link's target, or a folder where it is null. */
export type Tree = Record<string, string | { link: string } | null>;

/** Makes the tree and returns its root, which `after` removes. */
export function makeTree(tree: Tree, after: (remove: () => void) => void): string {
  const root = mkdtempSync(join(tmpdir(), 'kcmp-proc-'));
  after(() => rmSync(root, { recursive: true }));
  for (const [name, content] of Object.entries(tree)) {
    const path = join(root, name);
    mkdirSync(content === null ? path : dirname(path), { recursive: true });
    if (typeof content === 'string') writeFileSync(path, content, 'latin1');
    else if (content !== null) symlinkSync(content.link, path);
  }
  return root;
}

/** Prints one expression, with everything of a module of src/procfs in scope, from a Node with this command before it. */
export function printed(module: string, expression: string, wrapper: string[]): unknown {
  const url = new URL(`../../src/procfs/${module}.ts`, import.meta.url).href;
  const source = `const m = await import(${JSON.stringify(url)}); console.log(JSON.stringify(${expression}));`;
  const node = [process.execPath, '--import', import.meta.resolve('tsx'), '--input-type=module', '-e', source];
  const [command = '', ...rest] = [...wrapper, ...node];
  const { stdout, stderr } = spawnSync(command, rest, { encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}
