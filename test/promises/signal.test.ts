/** The signal of kcmp/promises: whenever it is aborted, the scan ends at once, and nothing of it is left. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import * as later from '../../src/promises.ts';
import { Random, SEED } from '../support/random.ts';
import { type Ask, type Crowd, questionsOf, startCrowd } from './crowd.ts';

const ABORTS = 200;

let crowd: Crowd;
let questions: Array<[name: string, ask: Ask]>;
before(async () => {
  crowd = await startCrowd(2, 900);
  questions = questionsOf(crowd);
});
after(() => crowd?.stop());

/** What a scan could leave behind. */
const inUse = (): unknown => [readdirSync('/proc/self/fd').join(), process.getActiveResourcesInfo().sort().join()];

const outcomeOf = (asked: unknown): Promise<unknown> =>
  Promise.resolve(asked).then(
    () => 'an answer',
    (error: unknown) => error,
  );

function assertAborted(outcome: unknown, reason: unknown): void {
  assert.ok(outcome instanceof Error, `${outcome}`);
  const { name, code, cause } = outcome as NodeJS.ErrnoException;
  assert.deepEqual([name, code], ['AbortError', 'ABORT_ERR']);
  assert.ok(cause === reason);
}

test('what is aborted already rejects before anything is looked at', async () => {
  const reason = new Error('no longer wanted');
  const signal = AbortSignal.abort(reason);
  const onProgress = (): void => assert.fail('told of progress');
  for (const [, ask] of questions) {
    const before = inUse();
    const asked = outcomeOf(ask(later, { signal, onProgress }));
    assert.deepEqual(inUse(), before);
    assertAborted(await asked, reason);
  }
  assertAborted(await outcomeOf(later.taskSharing(crowd.pids, { signal })), reason);
  assertAborted(await outcomeOf(later.assertNoInherited(process.pid, { from: process.pid, signal })), reason);
});

test('the reason of an abort without one is the cause, as is that of a timeout', async () => {
  const [, ask] = questions[0] as [string, Ask];
  const controller = new AbortController();
  const asked = outcomeOf(ask(later, { signal: controller.signal }));
  controller.abort();
  assertAborted(await asked, controller.signal.reason);
  const timeout = AbortSignal.timeout(1);
  assertAborted(await outcomeOf(ask(later, { signal: timeout })), timeout.reason);
});

test('an abort at a random moment is heard in the same turn or the next, and nothing is left of the scan', async (t) => {
  t.diagnostic(`seed ${SEED}; KCMP_SEED=${SEED} repeats it`);
  const random = new Random(SEED);
  const lengths = new Map<string, number>();
  for (const [name, ask] of [...questions, ...questions, ...questions]) {
    const start = performance.now();
    await ask(later);
    lengths.set(name, Math.min(performance.now() - start, lengths.get(name) ?? Infinity));
  }
  let heard = 0;
  for (let i = 0; i < ABORTS; i++) {
    const [name, ask] = random.pick(questions);
    const reason = new Error(`abort ${i}`);
    const controller = new AbortController();
    const { signal } = controller;
    const before = inUse();
    let toldAfter = 0;
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      if (!isOver) setImmediate(count);
      if (signal.aborted) turns++;
    };
    const asked = outcomeOf(ask(later, { signal, onProgress: () => void (toldAfter += Number(signal.aborted)) }));
    setTimeout(() => controller.abort(reason), (random.below(1000) / 1000) * (lengths.get(name) as number));
    setImmediate(count);
    const outcome = await asked;
    isOver = true;
    assert.equal(getEventListeners(signal, 'abort').length, 0);
    if (outcome !== 'an answer') {
      assertAborted(outcome, reason);
      assert.ok(turns <= 2 && toldAfter === 0, `${name} took ${turns} turns more, and told of ${toldAfter} steps`);
      heard++;
    }
    while (!signal.aborted) await turn();
    await turn();
    assert.deepEqual(inUse(), before, name);
  }
  t.diagnostic(`${heard} of ${ABORTS} came before the answer`);
  assert.ok(heard > ABORTS / 4);
});

test('an abort from within onProgress is heard at the next step', async () => {
  for (const [, ask] of questions) {
    for (const at of [1, 2, 5]) {
      const controller = new AbortController();
      let told = 0;
      const onProgress = (): void => {
        if (++told === at) controller.abort();
      };
      const before = inUse();
      assertAborted(await outcomeOf(ask(later, { signal: controller.signal, onProgress })), controller.signal.reason);
      assert.equal(told, at);
      assert.deepEqual(inUse(), before);
    }
  }
});

test('what is no signal is refused, by a rejection', async () => {
  for (const bad of [null, 1, 'abort', true, {}, [], () => {}, new AbortController()]) {
    const options = { signal: bad } as unknown as later.Abortable;
    const refused = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', message: /options\.signal/ };
    for (const [, ask] of questions) await assert.rejects(async () => ask(later, options), refused);
    await assert.rejects(later.taskSharing([process.pid], options), refused);
  }
});

test('options may be an object that keeps its properties to itself', async () => {
  class Options {
    readonly #pids = [process.pid];
    get pids(): number[] {
      return this.#pids;
    }
  }
  for (const options of [new Options(), Object.freeze({ pids: [process.pid], signal: undefined })])
    assert.equal((await later.groupFiles(options)).coverage.processes, 1);
});
