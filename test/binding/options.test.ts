/** Options that are none: a list of pids, or a name that no option has. Taken for nothing, they would change the question. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as api from '../../src/index.ts';
import * as promises from '../../src/promises.ts';

const { pid } = process;
const file = { pid, fd: 0 };
type Door = Pick<typeof promises, 'findHolders' | 'findOpen' | 'groupFiles' | 'resolveEpoll' | 'findInherited'>;

/** Every question with options, through one door. */
const questions = (door: Door | typeof api) =>
  ({
    findHolders: (options) => door.findHolders(file, options),
    findOpen: (options) => door.findOpen(':1', options),
    groupFiles: (options) => door.groupFiles(options),
    resolveEpoll: (options) => door.resolveEpoll(pid, 0, options),
    findInherited: (options) => door.findInherited(pid, options),
    assertNoInherited: (options) => (door as typeof api).assertNoInherited(pid, options),
  }) as Record<string, (options: never) => unknown>;

const LISTS = [[pid], [], new Set([pid]), new Map(), new Uint8Array(1)];
const STRANGERS = [{ pid }, { pids: [pid], onprogress: () => {} }, { PIDS: undefined }];

for (const [name, ask] of Object.entries(questions(api))) {
  test(`${name} refuses a list, and names that are no options`, () => {
    for (const options of LISTS)
      assert.throws(() => ask(options as never), {
        name: 'TypeError',
        code: 'ERR_INVALID_ARG_TYPE',
        message: /^The "options" argument must be an object \{ [\w?, ]+\}\. Received type object/,
      });
    for (const options of STRANGERS)
      assert.throws(() => ask(options as never), {
        name: 'TypeError',
        code: 'ERR_INVALID_ARG_VALUE',
        message: /^The argument 'options' must be an object \{ [\w?, ]+\}, and nothing else\. Received '\w+'$/,
      });
    assert.throws(() => ask({ signal: new AbortController().signal } as never), { code: 'ERR_INVALID_ARG_VALUE' });
  });
}

for (const [name, ask] of Object.entries(questions(promises))) {
  test(`${name} of kcmp/promises does so by a rejection, and takes a signal`, async () => {
    const { signal } = new AbortController();
    for (const options of LISTS)
      await assert.rejects(async () => ask(options as never), { code: 'ERR_INVALID_ARG_TYPE' });
    for (const options of STRANGERS)
      await assert.rejects(async () => ask({ ...options, signal } as never), { code: 'ERR_INVALID_ARG_VALUE' });
  });
}

test('a signal is taken beside options that a class gives, or alone', async () => {
  const { signal } = new AbortController();
  class Options {
    get pids(): number[] {
      return [pid];
    }
  }
  const options = Object.assign(new Options(), { signal });
  assert.equal((await promises.groupFiles(options)).coverage.processes, 1);
  assert.equal((await promises.taskSharing([pid], { signal })).tasks.length, 1);
  await assert.rejects(promises.taskSharing([pid], { timeout: 5 } as never), { code: 'ERR_INVALID_ARG_VALUE' });
});
