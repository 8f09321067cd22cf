/**
 * Descriptors that move between two system calls of a look: the mover waits until it is told to, and is told before every
 * second call, every third, and so on, and before a few at random. What the races meet by chance in a million calls is
 * met here each time.
 */
import { beforeCalls } from '../support/before-calls.ts';
import assert from 'node:assert/strict';
import { closeSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { compilerMissing } from '../support/compile.ts';
import { pipe } from '../support/libc.ts';
import { Random, SEED } from '../support/random.ts';
import { inquire, openDoor } from './race/questions.ts';
import { program } from './race/race.ts';
import { type Ask, Scene, shareMemory } from './race/scene.ts';

/** A look takes some thirty calls, and a question at least four looks. */
const MOST_APART = 64;
const AT_RANDOM = 20;
const CALLS = 600;
const FIRST_CALLS = 36;
/** Where nothing moves, who has a file is told after so many. */
const ALL_CALLS = 220;
const APART = [10, 25, 32, 40, 50, 60];
/** Milliseconds after which a move need not be waited for: some take a while. */
const MOVE_MS = 5;

const random = new Random(SEED);
const byte = Buffer.alloc(1);

/** Moves once, or is about to. */
function move(scene: Scene, turns: number): void {
  const { moves } = scene;
  writeSync(turns, byte);
  const isAwaited = random.below(4) > 0;
  for (const end = performance.now() + MOVE_MS; isAwaited && scene.moves === moves && performance.now() < end; );
}

/** Whether to move before a system call, by how many there were. */
type Plan = (call: number) => boolean;

const PLANS: Plan[] = [];
for (let apart = 2; apart <= MOST_APART; apart++) PLANS.push((call) => call % apart === 0);
for (let i = 0; i < AT_RANDOM; i++) {
  const at = new Set(Array.from({ length: 1 + random.below(12) }, () => random.below(CALLS)));
  PLANS.push((call) => at.has(call));
}

/** There and back again while all is read for the first time, from either state. */
const RETURNS: Plan[] = [];
for (let back = 2; back <= FIRST_CALLS; back++)
  for (let there = 1; there < back; there++)
    RETURNS.push(
      (call) => call === there || call === back,
      (call) => call <= 1 || call === there || call === back,
    );

/** The same at any time. */
const LATER: Plan[] = APART.flatMap((apart) =>
  Array.from(
    { length: ALL_CALLS },
    (_, there): Plan =>
      (call) =>
        call === there || call === there + apart,
  ),
);

/** Once at any time: that can be told, but where a busy machine lets who asks wait all the while. */
const ONCE: Plan[] = Array.from({ length: ALL_CALLS }, (_, at): Plan => {
  return (call) => call === at;
});
const TRIES = 4;

const SCENES: ReadonlyArray<readonly [how: string, kind: string, plans: readonly Plan[], only?: Ask['question']]> = [
  ['swap', 'pipe', ONCE],
  ['renumber', 'pipe', ONCE],
  ['swap', 'pipe', PLANS],
  ['swap', 'pipe', LATER, 'link'],
  ['renumber', 'pipe', PLANS],
  ['renumber', 'eventfd', PLANS],
  ['flip', 'files', PLANS],
  ['lone', 'socket', PLANS],
  ['reuse', 'close', PLANS],
  ['aba', 'eventfd', [...PLANS, ...RETURNS]],
];

for (const [how, kind, plans, only] of SCENES) {
  const isOnce = plans === ONCE;
  const name = `${how}, ${kind}${isOnce ? ', once' : ''}${only === undefined ? '' : `, ${only} alone`}`;
  test(name, { skip: compilerMissing }, async (t) => {
    t.diagnostic(`seed ${SEED}; KCMP_SEED=${SEED} repeats it`);
    const [turns, given] = pipe();
    const scene = await Scene.start(program(), [how, kind, 'asked', `${random.next()}`], shareMemory(), turns);
    closeSync(turns);
    // Behind both doors are the same steps.
    const asked = await openDoor('sync');
    const asks = scene.asks.filter(({ question }) => question === (only ?? question));
    let told = 0;
    try {
      for (const isDue of plans) {
        for (const ask of asks) {
          for (let isTold = true, tries = isOnce ? TRIES : 1; isTold && tries > 0; tries--) {
            let calls = 0;
            beforeCalls(() => void (isDue(++calls) && move(scene, given)));
            const verdict = await inquire(ask, asked, scene);
            beforeCalls(undefined);
            assert.equal(verdict.wrong, undefined, `${shown(ask)}: ${verdict.wrong}\n  ${verdict.look}`);
            isTold = verdict.told;
            if (isTold && tries === 1) told++;
          }
        }
      }
    } finally {
      beforeCalls(undefined);
      closeSync(given);
      await scene.stop();
    }
    assert.notEqual(scene.moves, 0);
    if (isOnce) assert.equal(told, 0);
    t.diagnostic(`${plans.length * asks.length} calls, ${told} times it could not look`);
  });
}

function shown({ question, pid, fd }: Ask): string {
  return `${question} of ${pid}:${fd}`;
}
