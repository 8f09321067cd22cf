/**
 * To look at very many targets does not hurt who waits for their events: each comparison keeps the mutex that it needs, so
 * these take rests, and end when their time is up. Beside it runs another that nobody looks at, so that a busy machine
 * counts for both.
 */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EpollReport } from '../../src/index.ts';
import { resolveEpoll } from '../../src/promises.ts';
import { compilerMissing } from '../support/compile.ts';
import { shareKept, startTurner, type Targets } from '../support/turns.ts';

/** Nine tenths are promised; the rest is for the machine, of which the looks themselves take some. */
const KEPT = 0.8;
/** Milliseconds of comparing, and of all else on a machine that does ten other things. */
const BOUND = 60_000 + 90_000;

async function look(targets: Targets, count: number): Promise<{ report: EpollReport; share: number; ms: number }> {
  const [watched, control] = [await startTurner(targets, count), await startTurner(targets, 100)];
  try {
    let report: EpollReport | undefined;
    const start = performance.now();
    const share = await shareKept(watched, control, async () => {
      report = await resolveEpoll(watched.pid, watched.efd, { pids: watched.pids });
    });
    return { report: report as EpollReport, share, ms: performance.now() - start };
  } finally {
    await watched.stop();
    await control.stop();
  }
}

test('sockets', { skip: compilerMissing }, async (t) => {
  const { report, share, ms } = await look('sockets', 18_000);
  t.diagnostic(`kept ${share.toFixed(2)} of its turns, ${ms.toFixed(0)} ms`);
  assert.ok(share > KEPT, `${share}`);
  assert.ok(report.targets.every(({ status }) => status === 'live'));
});

test('more eventfds than there is time for', { skip: compilerMissing }, async (t) => {
  const { report, share, ms } = await look('eventfds', 40_000);
  const { targets, coverage } = report;
  const open = targets.filter(({ status }) => status === 'unresolved');
  t.diagnostic(`kept ${share.toFixed(2)} of its turns, ${ms.toFixed(0)} ms, ${open.length} of ${targets.length} left`);
  assert.ok(share > KEPT, `${share}`);
  assert.ok(ms < BOUND, `${ms} ms`);
  assert.ok(targets.some(({ status }) => status === 'live'));
  assert.ok(open.every(({ reason }) => reason === 'unreadable'));
  const skipped = coverage.skipped.filter(({ code }) => code === 'ETIMEDOUT');
  assert.ok(open.length > 0 && skipped.length > 0);
  assert.match(skipped[0]?.reason ?? '', /exact/);
});
