/** What the command says of what could not be seen, or told apart: in words that fit together. */
import assert from 'node:assert/strict';
import { openSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { tellPartial } from '../../src/cli/output/coverage.ts';
import type { Coverage } from '../../src/index.ts';
import { type Child, startChild } from '../support/child.ts';
import { kcmpIn, type Result } from './command.ts';

const path = join(realpathSync(tmpdir()), `kcmp-unseen-${process.pid}`);
let filtered: Child;
let fd: number;

before(async () => {
  fd = openSync(path, 'w');
  openSync(path, 'r');
  filtered = await startChild();
  await filtered.run(({ seccomp }) => seccomp.refuseKcmp('EPERM'));
});
after(async () => {
  await filtered.stop();
  rmSync(path);
});

/** `kcmp …` where a filter refuses kcmp(2). */
const kcmp = (...args: string[]): Promise<Result> => kcmpIn(filtered, ...args);

test('descriptors that cannot be compared are not called descriptions', async () => {
  const { out } = await kcmp('who', path);
  assert.match(out, / is open as 2 descriptors, which cannot be compared here, /);
  assert.match(out, /\n[^\n]+, descriptor 1 of 2:\n[\s\S]+\n[^\n]+, descriptor 2 of 2:\n/);
});

test('--pids promises no more of the whole answer than that tells', async () => {
  const { out, err } = await kcmp('who', '--pids', `${process.pid}:${fd}`);
  assert.equal(out, '');
  assert.match(err, /\nkcmp: no process is known to have it\n$/);
});

test('a reason that is about nobody is no object of "skipped", and an errno is named once', () => {
  const told = (skipped: Array<Partial<Coverage['skipped'][number]>>): string => {
    let said = '';
    const all = skipped.map((one) => ({ pid: process.pid, code: 'EPERM', unit: 'task', count: 1, ...one }));
    const io = { out: () => {}, err: (text: string) => void (said += text), errIsTerminal: () => false, now: () => 0 };
    tellPartial(io, { processes: 1, tasks: 1, descriptors: 1, skipped: all } as unknown as Coverage);
    return said;
  };
  const nowhere = { reason: 'it may be elsewhere (EPERM)' };
  assert.equal(told([nowhere]), 'kcmp: not everything could be seen: it may be elsewhere (EPERM)\n');
  assert.equal(
    told([nowhere, { pid: 1, unit: 'process', reason: 'it is busy' }]),
    'kcmp: not everything could be seen, skipped 1 process (pid 1): it is busy (EPERM); it may be elsewhere (EPERM)\n',
  );
});
