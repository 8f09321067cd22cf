/** Sorting, grouping and searching, by laws and against brute force. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { drain } from '../../src/util/drain.ts';
import { groupBy, membersOf, search, type Groups } from '../../src/util/merge-sort.ts';
import { Random } from '../support/random.ts';

const grouped = (...args: Parameters<typeof groupBy>): Groups => drain(groupBy(...args));

function group(keys: number[]): { groups: number[][]; calls: number } {
  let calls = 0;
  const compare = (a: number, b: number): number => {
    calls++;
    return (keys[a] as number) - (keys[b] as number);
  };
  const result = grouped(Int32Array.from(keys.keys()), compare, new Int32Array(keys.length));
  return { groups: Array.from(result.leaders, (leader) => membersOf(result, leader)), calls };
}

describe('groupBy', () => {
  test('equal items are one group, groups ascend, and every item is in exactly one', () => {
    const random = new Random(1);
    for (let round = 0; round < 500; round++) {
      const keys = Array.from({ length: random.below(40) }, () => random.below(1 + random.below(30)));
      const { groups } = group(keys);
      const expected = [...new Set(keys)]
        .sort((a, b) => a - b)
        .map((key) => [...keys.keys()].filter((i) => keys[i] === key));
      assert.deepEqual(
        groups.map((members) => members.toSorted((a, b) => a - b)),
        expected,
      );
    }
  });

  test('no items are no groups', () => {
    assert.deepEqual(group([]).groups, []);
  });

  test('one item is a group without a comparison', () => {
    assert.deepEqual(group([7]), { groups: [[0]], calls: 0 });
  });

  test('a few descriptions among many items cost about one comparison for each level of descriptions', () => {
    const keys = Array.from({ length: 4096 }, (_, i) => i % 4);
    assert.ok(group(keys).calls <= 4096 * 3, `${group(keys).calls} comparisons`);
  });

  test('items that are all different cost no more than n · log2 n comparisons', () => {
    const random = new Random(2);
    const keys = Array.from({ length: 1024 }, () => random.below(2 ** 31));
    assert.ok(group(keys).calls <= 1024 * 10);
  });

  test('an item that always goes first wherever it stands disturbs the order of no other', () => {
    const random = new Random(3);
    const keys = Array.from({ length: 300 }, () => random.below(50));
    const dead = new Set(Array.from({ length: 40 }, () => random.below(300)));
    const compare = (a: number, b: number): number =>
      dead.has(a) ? -1 : dead.has(b) ? 1 : (keys[a] as number) - (keys[b] as number);
    const result = grouped(Int32Array.from(keys.keys()), compare, new Int32Array(300));
    const living = Array.from(result.leaders)
      .filter((leader) => !dead.has(leader))
      .map((leader) => keys[leader] as number);
    assert.deepEqual(
      living,
      [...new Set([...keys.keys()].filter((i) => !dead.has(i)).map((i) => keys[i] as number))].sort((a, b) => a - b),
    );
  });

  test('what stands in order takes a comparison or two each, and whatever does not is told all the same', () => {
    const random = new Random(4);
    for (const [moved, most] of [
      [0, 1.01],
      [2, 4],
      [300, 12],
    ] as const) {
      const keys = Array.from({ length: 2000 }, (_, i) => Math.floor(i / 3));
      for (let i = 0; i < moved; i++) keys[random.below(2000)] = random.below(700);
      let calls = 0;
      const compare = (a: number, b: number): number => (calls++, (keys[a] as number) - (keys[b] as number));
      const { leaders } = grouped(Int32Array.from(keys.keys()), compare, new Int32Array(2000), true);
      assert.deepEqual(
        Array.from(leaders, (leader) => keys[leader]),
        [...new Set(keys)].sort((a, b) => a - b),
      );
      assert.ok(calls <= most * 2000, `${calls} comparisons with ${moved} out of order`);
    }
  });

  test('a million items are grouped without trouble with the stack or memory', () => {
    const keys = Int32Array.from({ length: 1_000_000 }, (_, i) => Math.imul(i, 7919) & 0xfffff);
    const next = new Int32Array(keys.length);
    const { leaders } = grouped(
      Int32Array.from(keys.keys()),
      (a, b) => (keys[a] as number) - (keys[b] as number),
      next,
    );
    assert.equal(leaders.length, new Set(keys).size);
  });

  test('a million equal items are one group', () => {
    const { leaders } = grouped(
      Int32Array.from({ length: 1_000_000 }, (_, i) => i),
      () => 0,
      new Int32Array(1_000_000),
    );
    assert.equal(leaders.length, 1);
  });
});

describe('search', () => {
  test('every present item is found, and an absent one is told where it would stand', () => {
    const random = new Random(4);
    for (let round = 0; round < 500; round++) {
      const sorted = [...new Set(Array.from({ length: random.below(50) }, () => random.below(100)))].sort(
        (a, b) => a - b,
      );
      const wanted = random.below(100);
      const at = search(sorted, (item) => item - wanted);
      if (sorted.includes(wanted)) assert.equal(sorted[at], wanted);
      else
        assert.deepEqual(
          sorted.toSpliced(-1 - at, 0, wanted),
          [...sorted, wanted].sort((a, b) => a - b),
        );
    }
  });

  test('a search among n items probes at most 1 + log2 n of them', () => {
    const sorted = Array.from({ length: 1024 }, (_, i) => 2 * i);
    for (const wanted of [-1, 0, 511, 512, 2046, 2047]) {
      let probes = 0;
      search(sorted, (item) => (probes++, item - wanted));
      assert.ok(probes <= 11, `${probes} probes`);
    }
  });
});
