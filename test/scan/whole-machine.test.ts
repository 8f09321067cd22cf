/** The whole machine as it is, neighbours and all: the coverage adds up, and what is known of it is found. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, test } from 'node:test';
import { Fds, refs } from '../support/brute.ts';
import { startChild } from '../support/child.ts';
import { numbersIn, skippedOf } from '../support/scenes.ts';

/** kcmp(2) waits for a process that is stuck in exec, as with a file on a dead server, and nobody can help that. */
const PATIENCE_MS = 60_000;

const fds = new Fds();
after(() => fds.closeAll());

test('every process is seen or skipped, and a pipe is found in the two that have it, and in no other', async (t) => {
  const [read] = fds.pipe();
  await using child = await startChild({ fds: [read] });
  const asked = { pid: process.pid, fd: read };
  const listed = numbersIn('/proc');
  const scan = child.run(async ({ door }, { pid, fd }: typeof asked) => {
    const { holders, coverage } = await door.findHolders({ pid, fd });
    const report = await door.groupFiles();
    const group = report.groups.find(({ holders }) => holders.some((holder) => holder.pid === pid && holder.fd === fd));
    return [
      { holders, coverage },
      { holders: group?.holders ?? [], coverage: report.coverage },
    ];
  }, asked);
  const answers = await Promise.race([scan, sleep(PATIENCE_MS, undefined, { ref: false })]);
  if (answers === undefined) {
    scan.catch(() => {}); // it ends with the child
    return t.skip('a process of this machine keeps every scan waiting');
  }
  const still = new Set(numbersIn('/proc'));
  const lasting = listed.filter((pid) => still.has(pid)).length;
  for (const { holders, coverage } of answers) {
    assert.deepEqual(refs(holders), refs([asked, { pid: child.pid, fd: 4 }]));
    const met = coverage.processes + skippedOf(coverage, 'process');
    assert.ok(met >= lasting, `${met} processes were met, and ${lasting} were there all the while`);
  }
});
