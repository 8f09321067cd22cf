import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatherEqual } from '../../src/inspect/equality.ts';
import { Random } from '../support/random.ts';

const sorted = (groups: number[][]): number[][] => groups.map((group) => group.toSorted((a, b) => a - b)).sort((a, b) => (a[0] as number) - (b[0] as number));

test('gatherEqual gathers what is always the same, as brute force does', () => {
  const random = new Random(7);
  for (let round = 0; round < 50; round++) {
    const classes = Array.from({ length: random.below(40) }, () => random.below(12));
    const { groups, restless } = gatherEqual(Int32Array.from(classes.keys()), (a, b) => classes[a] === classes[b]);
    const expected = [...new Set(classes)].map((wanted) => [...classes.keys()].filter((item) => classes[item] === wanted));
    assert.deepEqual(sorted(groups), sorted(expected));
    assert.deepEqual(restless, []);
  }
});

test('gatherEqual keeps together what holds still, however much the others change', () => {
  const random = new Random(11);
  for (let round = 0; round < 50; round++) {
    const still = 30;
    const classes = Array.from({ length: still + 20 }, (_, item) => item % 10);
    const { groups, restless } = gatherEqual(Int32Array.from(classes.keys()), (a, b) => {
      for (let item = still; item < classes.length; item++) if (random.below(3) === 0) classes[item] = random.below(10);
      return classes[a] === classes[b];
    });
    const found = groups.map((group) => group.filter((item) => item < still)).filter(({ length }) => length > 0);
    assert.deepEqual(sorted(found), Array.from({ length: 10 }, (_, i) => [i, i + 10, i + 20]));
    assert.ok(restless.every((item) => item >= still));
  }
});

test('gatherEqual claims nothing about one that was the same as another at times only', () => {
  let time = 0;
  const { groups, restless } = gatherEqual(Int32Array.of(4, 5, 6), (a, b) => a + b === 9 && time++ === 0);
  assert.deepEqual(groups, [[6]]);
  assert.deepEqual(restless, [4, 5]);
});

test('gatherEqual of nothing is nothing', () => {
  assert.deepEqual(gatherEqual(new Int32Array(0), () => true), { groups: [], restless: [] });
});
