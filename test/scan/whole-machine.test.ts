/** The whole machine as it is, neighbours and all: the coverage adds up, and what is known of it is found. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { findHolders, groupFiles, type Coverage } from '../../src/index.ts';
import { Fds, refs } from '../support/brute.ts';
import { startChild } from '../support/child.ts';
import { skippedOf } from '../support/scenes.ts';

const fds = new Fds();
after(() => fds.closeAll());

test('every process is seen or skipped, and a pipe is found in the two that have it, and in no other', async () => {
  const [read] = fds.pipe();
  await using child = await startChild({ fds: [read] });
  const asked = { pid: process.pid, fd: read };
  const expected = refs([asked, { pid: child.pid, fd: 4 }]);
  let total = 0;
  const onProgress = (_: number, count: number): number => (total = count);
  const assertAddsUp = (coverage: Coverage): void =>
    assert.equal(coverage.processes + skippedOf(coverage, 'process'), total);

  const { holders, coverage } = findHolders(asked, { onProgress });
  assert.deepEqual(refs(holders), expected);
  assertAddsUp(coverage);

  const report = groupFiles({ onProgress });
  const group = report.groups.find(({ holders }) => holders.some(({ pid, fd }) => pid === asked.pid && fd === read));
  assert.deepEqual(refs(group?.holders ?? []), expected);
  assertAddsUp(report.coverage);
});
