/** Progress, as every command that scans tells it. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Io } from '../../src/cli/io.ts';
import { run } from '../../src/cli/run.ts';
import * as libc from '../support/libc.ts';

test('the progress of every command that scans tells of all of its work, and never goes back', async () => {
  const { pid } = process;
  const efds = [libc.epollCreate(), libc.epollCreate()];
  for (const args of [
    ['who', `${pid}:0`],
    ['groups', pid],
    ['epoll', pid],
    ['inherited', pid, '--from', pid],
  ]) {
    let [err, time] = ['', 0];
    const io: Io = {
      out: () => {},
      err: (text) => void (err += text),
      errIsTerminal: () => true,
      now: () => (time += 1000),
    };
    await run(args.map(String), io);
    const told = [...err.matchAll(/\rkcmp: (\d+) % done/g)].map(([, percent]) => Number(percent));
    assert.ok(told.length > 2, `${args[0]}: ${told}`);
    assert.deepEqual(
      told,
      told.toSorted((a, b) => a - b),
    );
    assert.ok(
      told.some((percent) => percent > 50 && percent < 100),
      `${args[0]}: ${told}`,
    );
    assert.equal(told.at(-1), 100);
  }
  efds.forEach(libc.close);
});
