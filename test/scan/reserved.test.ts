/** A number may be taken and have nothing open under it: accept(2) and open(2) reserve theirs before they wait. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { countOpen } from '../../src/procfs/raw/fd-listing.ts';
import { startChild } from '../support/child.ts';
import { familyMissing, startFamily } from '../support/family.ts';
import { CLONE_FILES } from '../support/libc.ts';
import { findHolders, findOpen, groupFiles } from '../support/door.ts';
import { numbersIn } from '../support/scenes.ts';
import { until } from '../support/until.ts';

const isUncounted = countOpen(process.pid) === 0 && 'this kernel does not count descriptors';
const folder = mkdtempSync(join(tmpdir(), 'kcmp-reserved-'));
after(() => rmSync(folder, { recursive: true }));

test('a process that waits in open(2) has been seen whole', { skip: isUncounted }, async () => {
  await using child = await startChild();
  const { pid } = child;
  const fd = await child.run(
    ({ childProcess, fs }, fifo: string) => {
      const fd = fs.openSync('/dev/null', 'r');
      childProcess.spawnSync('mkfifo', [fifo]);
      fs.open(fifo, 'r', () => {});
      return fd;
    },
    join(folder, 'fifo'),
  );
  await until('a number is reserved', () => countOpen(pid) > numbersIn(`/proc/${pid}/fd`).length);
  const options = { pids: [pid] };
  const nothing = join(folder, 'nothing');
  for (const { coverage } of [
    await findHolders({ pid, fd }, options),
    await findOpen(nothing, options),
    await groupFiles(options),
  ])
    assert.deepEqual(coverage.skipped, []);
});

test('so has one whose table another process has, which waits in accept(2)', {
  skip: familyMissing || isUncounted,
}, async () => {
  const { parent, child, stop } = await startFamily({ flags: CLONE_FILES, child: 'a' });
  try {
    await until('a number is reserved', () => countOpen(parent) > numbersIn(`/proc/${parent}/fd`).length);
    for (const pids of [[parent], [parent, child]]) {
      const { coverage } = await findOpen(join(folder, 'nothing'), { pids });
      assert.deepEqual(coverage.skipped, []);
    }
  } finally {
    await stop();
  }
});
