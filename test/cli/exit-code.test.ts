/** An installation that lost a file, or that cannot open one: trouble, which is 2, and never the 1 of an answer. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import '../support/leash.ts';
import { after, test } from 'node:test';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'kcmp-lost-'));
after(() => rmSync(folder, { recursive: true }));

const SAME = ['same', `${process.pid}:0`, `${process.pid}:0`];
const LOST = [
  ['cli/run.ts', SAME],
  ['cli/commands/same.ts', SAME],
  ['util/text.ts', SAME],
  ['inspect/holders.ts', SAME],
  ['cli/more.ts', ['who', ':1']],
  ['cli/help/kcmp.txt', ['--help']],
] as const;

for (const [lost, args] of LOST) {
  test(`without ${lost} it says so in one line, and is 2`, () => {
    for (const name of ['src', 'package.json']) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
    rmSync(join(folder, 'src', lost));
    const main = join(folder, 'src/cli/main.ts');
    const node = ['--import', import.meta.resolve('tsx'), main, ...args];
    const { status, stdout, stderr } = spawnSync(process.execPath, node, { encoding: 'utf8' });
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /^kcmp: [^\n]+\n$/);
    assert.ok(stderr.includes(lost), stderr);
  });
}
