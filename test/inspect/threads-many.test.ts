/** Thousands of threads of one process: what is asked of each must not take longer the more there are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findHolders, groupFiles, taskSharing } from '../../src/index.ts';
import { compilerMissing } from '../support/compile.ts';
import { noClock } from '../support/load.ts';
import { startThreads, type Threads } from '../support/threads.ts';

const FEW = 200;
const TIMES = 8;

/** The processor time that a question takes, in microseconds. */
function cost(ask: () => unknown): number {
  const { user, system } = process.cpuUsage();
  ask();
  const now = process.cpuUsage();
  return now.user + now.system - user - system;
}

const QUESTIONS: Array<[name: string, haveOwn: boolean, ask: (threads: Threads) => unknown]> = [
  ['groupFiles where each has a table of its own', true, ({ pids }) => groupFiles({ pids })],
  ['findHolders there', true, ({ pids: [pid = 0] }) => findHolders({ pid, fd: 0 }, { pids: [pid] })],
  ['taskSharing of them', true, ({ tids }) => taskSharing(tids)],
  ['taskSharing of those that share all', false, ({ tids }) => taskSharing(tids)],
];

test('eight times as many take about eight times as long', { skip: compilerMissing || noClock }, async (t) => {
  const costs = new Map<string, number[]>();
  for (const count of [FEW, FEW * TIMES]) {
    for (const haveOwn of [true, false]) {
      const threads = await startThreads(count, haveOwn);
      try {
        for (const [name, isOwn, ask] of QUESTIONS) {
          if (isOwn !== haveOwn) continue;
          const took = Math.min(
            cost(() => ask(threads)),
            cost(() => ask(threads)),
          );
          costs.set(name, [...(costs.get(name) ?? []), took]);
        }
      } finally {
        await threads.stop();
      }
    }
  }
  for (const [name, [few = 0, many = 0]] of costs)
    await t.test(name, () => assert.ok(many < 2.5 * TIMES * few, `${few} and ${many} µs`));
});
