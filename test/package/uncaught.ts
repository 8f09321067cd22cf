/** What a user sees of the published code: the few lines of an error that nobody caught. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Check } from './check.ts';

const UNCAUGHT = `import { findHolders } from 'kcmp'; findHolders({ pid: process.pid, fd: 999 });`;
/** A screen. */
const [LINES, COLUMNS] = [30, 320];

export function uncaught(folder: string): Check[] {
  const project = join(folder, 'npm');
  return [
    {
      title: 'an uncaught error prints one screen, with its message and without a wall of code',
      run: () => {
        const args = ['--input-type=module', '-e', UNCAUGHT];
        const { stderr } = spawnSync(process.execPath, args, { cwd: project, encoding: 'utf8' });
        assert.match(stderr, /^Error: EBADF: fd 999 of pid \d+ is not open$/m);
        const lines = stderr.split('\n');
        assert.ok(lines.length <= LINES && lines.every(({ length }) => length <= COLUMNS), stderr.slice(0, 1000));
        return `${stderr.length} bytes`;
      },
    },
  ];
}
