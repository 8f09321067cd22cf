/**
 * Who asks beside a dead file server, a locked epoll instance and a process stuck in exec is never stuck himself, nor is who
 * asks about very many: SIGINT and SIGKILL, at whatever moment, end each command at once.
 */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startKcmp } from '../cli/command.ts';
import { compilerMissing } from '../support/compile.ts';
import { fuseMissing } from '../support/fuse.ts';
import { Random, SEED } from '../support/random.ts';
import { StuckScene } from '../support/stuck.ts';
import { startThreads } from '../support/threads.ts';
import { startTurner } from '../support/turns.ts';

/** Milliseconds: far more than it takes, for a machine that does ten other things. */
const LIMIT = 5000;
/** So long a command takes at most here, its start through tsx included. */
const LONGEST = 1500;
const TIMES = 3;
const [THREADS, TARGETS] = [2000, 40_000];

/** Milliseconds from the signal to its end; 0 when it was done before. */
async function endOf(question: string[], signal: 'SIGINT' | 'SIGKILL', delay: number): Promise<number> {
  const command = startKcmp(question, 'ignore');
  const ended = once(command, 'exit');
  await Promise.race([ended, sleep(delay)]);
  if (command.exitCode !== null) return 0;
  const start = performance.now();
  command.kill(signal);
  const isGone = await Promise.race([ended.then(() => true), sleep(LIMIT, false)]);
  assert.ok(isGone, `kcmp ${question.join(' ')} is there ${LIMIT} ms after ${signal}, sent after ${delay} ms`);
  return performance.now() - start;
}

/** Asks everything, and sends each signal at a moment of chance. */
async function endAll(t: TestContext, questions: () => string[][]): Promise<void> {
  const random = new Random(SEED);
  t.diagnostic(`KCMP_SEED=${SEED}`);
  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    const lengths: number[] = [];
    for (let time = 0; time < TIMES; time++)
      for (const question of questions()) lengths.push(await endOf(question, signal, random.below(LONGEST)));
    const sent = lengths.filter((ms) => ms > 0);
    t.diagnostic(`${signal}: ${sent.length} were running, at most ${Math.max(...sent).toFixed(0)} ms`);
  }
}

describe('beside those that wait for a dead file server', { skip: fuseMissing }, () => {
  let scene: StuckScene;
  before(async () => {
    scene = await StuckScene.start();
    await scene.killServer();
  });
  after(() => scene?.stop());

  /** About everybody, about the innocent, and about those who wait, each by its own way in. */
  const questions = ({ exec, innocent, poller, one, efd, held, lockedEfd } = scene): string[][] => [
    ['groups'],
    ['groups', '--tree', `${exec.pid}`],
    ['completion', 'candidates', 'who', ''],
    ['who', `${innocent.pid}:${one}`],
    ['who', `${poller.pid}:${held}`],
    ['who', `${poller.pid}`],
    ['epoll', `${innocent.pid}:${efd}`],
    ['epoll', `${poller.pid}:${lockedEfd}`],
    ['inherited', `${exec.pid}`],
    ['tasks', `${exec.pid}`, `${poller.pid}`],
    ['same', `${exec.pid}:0`, `${poller.pid}:0`],
  ];

  test('every command ends at once by a signal at any moment', (t) => endAll(t, questions));
});

describe('about very many', { skip: compilerMissing }, () => {
  test('a scan of threads with tables of their own, and a look at epoll targets that takes rests', async (t) => {
    const threads = await startThreads(THREADS, true);
    const targets = await startTurner('eventfds', TARGETS);
    const [process] = threads.pids;
    try {
      await endAll(t, () => [
        ['tasks', '--threads', `${process}`],
        ['groups', `${process}`],
        ['who', `${process}`],
        ['epoll', `${targets.pid}:${targets.efd}`],
      ]);
    } finally {
      await targets.stop();
      await threads.stop();
    }
  });
});
