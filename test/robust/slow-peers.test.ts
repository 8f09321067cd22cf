/**
 * Random worlds of eight processes, with all that has another end: each question is answered as the world knows it.
 * KCMP_QUESTIONS=5000 asks more of them, KCMP_SEED repeats a run.
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { after, before, test } from 'node:test';
import type { FileRef, OtherEnd } from '../../src/index.ts';
import { refs } from '../support/brute.ts';
import { noAnswers } from '../support/diag.ts';
import { findHolders } from '../support/door.ts';
import { Random, SEED } from '../support/random.ts';
import { Actors } from './peers/actors.ts';
import { folder, makesOf } from './peers/makes.ts';
import { type Description, isAlive, World } from './peers/world.ts';

const QUESTIONS = Number(process.env['KCMP_QUESTIONS'] ?? 400);
/** So many are asked of the whole machine as well, where that takes long. */
const WHOLES = Math.ceil(QUESTIONS / 100);
/** So many things happen in a world, with a question after each second of them. */
const STEPS = 80;

let actors: Actors;
before(async () => {
  actors = await Actors.start();
});
after(async () => {
  await actors.stop();
  rmSync(folder, { recursive: true });
});

const keys = (files: readonly FileRef[]): string[] => refs(files).map(({ pid, fd }) => `${pid}:${fd}`);

/** What a world knows, to be compared with what is said, where only these processes are looked at. */
function truthOf(description: Description): unknown {
  if (description.isAlone === true) return null;
  const others = description.others().filter(isAlive);
  const held = others.filter(({ refs }) => refs.length > 0);
  // The kernel knows a socket that is in flight all the same.
  const ends = description.isSilent === true ? held : others;
  const isHeld = held.length > 0 || description.whenHeld === 'listening';
  const state = isHeld ? description.whenHeld : others.length > 0 ? 'unknown' : description.whenGone;
  return {
    state,
    ends: ends.map(({ refs }) => keys(refs).join(' ')).sort(),
    holders: keys(held.flatMap(({ refs }) => refs)),
  };
}

/** On the whole machine nobody is said to have it; nor that nothing is there, where something is in flight. */
function assertWhole(description: Description, otherEnd: OtherEnd | null | undefined, what: string): void {
  assert.deepEqual(otherEnd?.holders, [], what);
  const states = description.others().some(isAlive) ? ['unseen', 'unknown'] : ['closed', 'unseen', 'unknown'];
  assert.ok(states.includes(`${otherEnd?.state}`), `${what}: ${otherEnd?.state}`);
}

const saidOf = ({ state, ends, holders }: OtherEnd): unknown => ({
  state,
  ends: ends.map((end) => keys(end.holders).join(' ')).sort(),
  holders: keys(holders),
});

test(`${QUESTIONS} questions about random worlds are answered as these know it`, { skip: noAnswers }, async (t) => {
  t.diagnostic(`KCMP_SEED=${SEED}`);
  const random = new Random(SEED);
  const hasV6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));
  const makes = makesOf(hasV6);
  const pids = actors.all.map(({ pid }) => pid);
  const counts = new Map<string, number>();
  const wholes: [number, number] = [WHOLES, WHOLES];
  for (let asked = 0; asked < QUESTIONS; ) {
    const world = new World(random, actors);
    for (let step = 0; step < STEPS && asked < QUESTIONS; step++) {
      await world.step(makes);
      const description = step % 2 === 1 ? world.pick() : undefined;
      if (description === undefined) continue;
      const file = random.pick(description.refs);
      const { holders, otherEnd, coverage } = await findHolders(file, { pids });
      const what = `${description.what}, ${file.pid}:${file.fd}, question ${asked} of seed ${SEED}: ${otherEnd?.reason}`;
      assert.deepEqual(keys(holders), keys(description.refs), what);
      assert.deepEqual(otherEnd ? saidOf(otherEnd) : otherEnd, truthOf(description), what);
      assert.ok(
        coverage.skipped.every(({ code }) => code === 'EBADF' || code === 'ENOENT'),
        what,
      );
      const state = otherEnd?.state ?? 'null';
      counts.set(state, (counts.get(state) ?? 0) + 1);
      asked++;
      const isAloft = description.others().some(isAlive);
      if (state === 'unknown' && description.isSilent === true && wholes[isAloft ? 1 : 0]-- > 0) {
        assertWhole(description, (await findHolders(file)).otherEnd, what);
      }
    }
    await world.end();
  }
  t.diagnostic([...counts].map(([state, count]) => `${state} ${count}`).join(', '));
  // A run that is long enough comes by all of them.
  if (QUESTIONS >= 400) assert.ok(['connected', 'closed', 'unknown', 'null'].every((state) => counts.has(state)));
});
