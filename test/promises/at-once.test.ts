/** Several scans at once, and other questions between their slices: each is answered as if it were alone. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as atOnce from '../../src/index.ts';
import * as later from '../../src/promises.ts';
import { type Ask, type Crowd, type Door, questionsOf, startCrowd } from './crowd.ts';

let crowd: Crowd;
let questions: Ask[];
before(async () => {
  crowd = await startCrowd(3, 2000);
  const { pids, efd } = crowd;
  const [first, , third] = pids as [number, number, number];
  questions = [
    ...questionsOf(crowd).map(([, ask]) => ask),
    (door, options) => door.resolveEpoll(third, efd, { ...options, pids: [first] }),
    (door) => door.taskSharing([...pids, process.pid]),
  ];
});
after(() => crowd?.stop());

/** All answers, one after the other. */
async function inARow(door: Door): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (const ask of questions) answers.push(await ask(door));
  return answers;
}

test('eight scans at once answer as eight in a row, through either door', async () => {
  const expected = await inARow(atOnce);
  assert.deepEqual(await inARow(later), expected);
  const order: number[] = [];
  const answers = await Promise.all(
    questions.map((ask, i) => ask(later, { onProgress: () => void (order.at(-1) === i || order.push(i)) })),
  );
  assert.deepEqual(answers, expected);
  assert.ok(order.length > 2 * questions.length, `they took turns ${order.length} times`);
});

test('what is asked between the slices of a scan is answered as ever, and does not disturb it', async () => {
  const expected = await inARow(atOnce);
  const between = [0, ...questions.keys()]; // the first once more, so that each runs beside others in each round
  let asked = 0;
  let isOver = false;
  const wrong: number[] = [];
  const turn = async (): Promise<void> => {
    while (!isOver) {
      await new Promise((resolve) => setImmediate(resolve));
      const i = between[asked++ % between.length] as number;
      try {
        assert.deepEqual((questions[i] as Ask)(atOnce), expected[i]);
      } catch {
        wrong.push(i);
      }
    }
  };
  const turning = turn();
  const answers = await Promise.all(questions.map((ask) => ask(later)));
  isOver = true;
  await turning;
  assert.deepEqual(answers, expected);
  assert.deepEqual(wrong, []);
  assert.ok(asked >= 8, `${asked} were asked between`);
});

test('a scan lets the event loop turn, and one that answers at once does not', async () => {
  for (const [name, ask] of questionsOf(crowd)) {
    for (const [door, least] of [
      [atOnce, 0],
      [later, 1],
    ] as const) {
      let turns = 0;
      let isOver = false;
      const count = (): void => {
        if (isOver) return;
        turns++;
        setImmediate(count);
      };
      setImmediate(count);
      const answered = ask(door);
      if (door === atOnce) isOver = true;
      await answered;
      isOver = true;
      assert.ok(least === 0 ? turns === 0 : turns >= least, `${name}: ${turns} turns`);
    }
  }
});
