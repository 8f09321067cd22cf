/**
 * Tells few items apart by nothing but equality, while some of them change. Pure: knows nothing of kernels or descriptors.
 *
 *   a = b, b = c, a = c   one group          a = b, b = c, a ≠ c   something moved: look again
 *
 * What holds still is the same as another always or never. So a look at all pairs without a contradiction is right about
 * all that holds still, whatever the rest did; were two of different files in one group, their own pair would contradict
 * it. What contradicts itself time and again never holds still: it differs at times from all that do, these only from it.
 */
import type { Steps } from '../scan/steps.ts';

/** So often all pairs are looked at before what moves is taken out; once is enough where nothing does. */
const LOOKS = 8;

/** Groups of items, and those that never held still. */
export interface Gathered {
  groups: number[][];
  restless: number[];
}

/** @param items - their count enters as its square */
export function* gatherEqual(items: Int32Array, isSame: (a: number, b: number) => boolean): Steps<Gathered> {
  const n = items.length;
  /** By pair: how often it was the same. */
  const times = new Uint8Array(n * n);
  for (let look = 1; look <= LOOKS; look++) {
    const now = new Uint8Array(n * n);
    for (let i = 1; i < n; i++) {
      for (let j = 0; j < i; j++) {
        if (!isSame(items[i] as number, items[j] as number)) continue;
        now[i * n + j] = now[j * n + i] = 1;
        times[i * n + j] = times[j * n + i] = (times[i * n + j] as number) + 1;
      }
      if (i % 8 === 0) yield;
    }
    const groups = classes(n, [...items.keys()], now);
    if (groups !== undefined) return { groups: groups.map((group) => pick(items, group)), restless: [] };
  }
  const { kept, restless } = takeOut(n, times);
  const always = times.map((count) => Number(count === LOOKS));
  for (let left = kept; ; ) {
    const groups = classes(n, left, always);
    if (groups !== undefined)
      return { groups: groups.map((group) => pick(items, group)), restless: pick(items, restless) };
    // What moved in step with the looks; hardly ever one.
    restless.push(left.pop() as number);
    left = [...left];
  }
}

const pick = (items: Int32Array, places: readonly number[]): number[] => places.map((place) => items[place] as number);

/** The classes of a relation over some places, or undefined where it is none: where the same as the same is not the same. */
function classes(n: number, places: readonly number[], same: Uint8Array): number[][] | undefined {
  const groups: number[][] = [];
  for (const place of places) {
    const own = groups.filter((group) => same[(group[0] as number) * n + place] === 1);
    const [group] = own;
    if (own.length > 1 || (group !== undefined && !group.every((other) => same[other * n + place] === 1)))
      return undefined;
    for (const other of groups)
      if (other !== group && other.some((member) => same[member * n + place] === 1)) return undefined;
    if (group === undefined) groups.push([place]);
    else group.push(place);
  }
  return groups;
}

/**
 * Takes out what contradicts itself, first what does so most and with most others, until nothing does; then puts back
 * what only those contradicted that are out as well. What always was the same as another hardly ever moved.
 */
function takeOut(n: number, times: Uint8Array): { kept: number[]; restless: number[] } {
  const doubtOf = (i: number, j: number): number => {
    const count = times[i * n + j] as number;
    return Math.min(count, LOOKS - count);
  };
  let kept = Array.from({ length: n }, (_, i) => i);
  const sumOf = (of: (i: number, j: number) => number): number[] =>
    kept.map((i) => kept.reduce((sum, j) => (j === i ? sum : sum + of(i, j)), 0));
  const doubts = sumOf(doubtOf);
  const trust = sumOf((i, j) => (times[i * n + j] === LOOKS ? LOOKS : 0));
  const restless: number[] = [];
  const standing = (i: number): number => (doubts[i] as number) - (trust[i] as number);
  for (;;) {
    const doubtful = kept.filter((i) => doubts[i] !== 0);
    if (doubtful.length === 0) break;
    const worst = doubtful.reduce((a, b) => (standing(b) > standing(a) ? b : a));
    kept = kept.filter((i) => i !== worst);
    restless.push(worst);
    for (const other of kept) doubts[other] = (doubts[other] as number) - doubtOf(worst, other);
  }
  const out: number[] = [];
  for (const i of restless) (kept.every((j) => doubtOf(i, j) === 0) ? kept : out).push(i);
  return { kept, restless: out };
}
