/**
 * Where kcmp cannot work, that is said before anything native is loaded, which might end the process. This file loads
 * nothing native either, so that it runs on every platform.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { KcmpSupport } from '../../src/index.ts';
import { ENTRY, runScript } from '../support/script.ts';

interface Told {
  support: KcmpSupport;
  isolated: KcmpSupport;
  call: { value?: number; code?: string; message?: string };
}

/** What a process of its own says, which is one that a signal may end. */
const told = runScript(`
  import { kcmp, probe } from ${JSON.stringify(ENTRY)};
  const support = probe();
  const isolated = probe({ isolated: true });
  let call;
  try {
    call = { value: kcmp(process.pid, process.pid, 1) };
  } catch ({ code, message }) {
    call = { code, message };
  }
  console.log(JSON.stringify({ support, isolated, call }));
`) as Told;

/** `kcmp doctor --json`, which looks at every process where kcmp works, and so is asked only where it does not. */
function doctor(): { status: number | null; support: KcmpSupport; problems: Array<{ weight: string; what: string }> } {
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const args = ['--import', import.meta.resolve('tsx'), main, 'doctor', '--json'];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { status, ...(JSON.parse(stdout) as Pick<ReturnType<typeof doctor>, 'support' | 'problems'>) };
}

test('probe, the first call and doctor agree', (t) => {
  const { support, isolated, call } = told;
  assert.deepEqual(isolated, support);
  if (support.status !== 'unsupported') return assert.deepEqual(call, { value: 0 });
  t.diagnostic(`refused: ${support.reason}`);
  assert.equal(call.code, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
  assert.equal(call.message, support.reason);
  assert.match(support.fix ?? '', /\w/);
  assert.deepEqual([...new Set(Object.values(support.types)), support.epollTargets], ['unsupported', false]);
  const diagnosis = doctor();
  assert.deepEqual([diagnosis.status, diagnosis.support], [2, support]);
  assert.ok(diagnosis.problems.some(({ weight, what }) => weight === 'fatal' && what === support.reason));
});
