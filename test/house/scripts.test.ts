/** `npm test` runs every test file, those of the scans through either door, and the slow ones last. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { testFiles } from '../runtimes/suite.ts';
import '../support/leash.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { scripts: Record<string, string> };

/** The files of a script: what the shell gives to node as $files. */
function filesOf(script: string): string[] {
  const [list] = (scripts[script] as string).split(' && ');
  const { stdout } = spawnSync('sh', ['-c', `${list} && printf '%s\\n' $files`], { cwd: ROOT, encoding: 'utf8' });
  return stdout.split('\n').filter(Boolean);
}

test('every test file is run once, quick or slow, and the slow ones last', () => {
  assert.equal(scripts['test'], 'npm run -s test:quick && npm run -s test:promises && npm run -s test:slow');
  const [quick, slow] = [filesOf('test:quick'), filesOf('test:slow')];
  assert.deepEqual([...quick, ...slow].sort(), testFiles(ROOT));
  assert.ok(slow.length > 0 && slow.every((file) => file.includes('/slow-')));
  assert.ok(quick.length > 50 && !quick.some((file) => file.includes('/slow-')));
});

test('what asks through a door is run through the other one as well, unless it is slow', () => {
  const asks = (file: string): boolean =>
    /^test\/(?:inspect|scan|robust)\//.test(file) && /\bdoor\b/.test(readFileSync(`${ROOT}${file}`, 'utf8'));
  const files = filesOf('test:promises');
  assert.deepEqual(files.toSorted(), filesOf('test:quick').filter(asks).sort());
  assert.ok(files.length > 20);
  assert.match(scripts['test:promises'] as string, / && KCMP_DOOR=promises node /);
});

test('where there is no test file, the scripts fail', () => {
  for (const script of ['test:quick', 'test:promises', 'test:slow']) {
    const { status } = spawnSync('sh', ['-c', scripts[script] as string], { cwd: `${ROOT}src`, stdio: 'ignore' });
    assert.notEqual(status, 0, script);
  }
});
