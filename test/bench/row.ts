/** What the bench prints: one row a comparison. */
import { interleave, ratio, type Side } from './measure.ts';

export interface Cost {
  name: string;
  ms: number;
  kcmpCalls?: number;
  procReads?: number;
}

export interface Row {
  name: string;
  scene: string;
  ours?: Cost;
  /** What it is held against; of several, the fastest is first and is the one that counts. */
  against?: Cost[];
  /** Ours divided by the first of `against`; in rows of growth, by the size before. */
  ratio?: number;
  /** In rows of very many: milliseconds for one of them, and by which power of their number the time grew since the row before. */
  each?: number;
  power?: number;
  /** A figure that is neither a time nor a ratio. */
  figure?: { value: number; unit: string };
  /** What the ratio, the power or the figure should not exceed. */
  limit?: number;
  /** What is missing, and why. */
  leftOut?: string;
}

/** Rows that share a scene, which lasts only as long as they are measured. */
export interface Suite {
  rows: readonly string[];
  run(wanted: (row: string) => boolean): AsyncGenerator<Row>;
}

export const NO_COMPILER = 'the reference in C: there is no compiler (cc) here';

/** A side whose calls have been counted. */
export interface CountedSide extends Side {
  kcmpCalls?: number;
  procReads?: number;
}

export interface Comparison {
  name: string;
  scene: string;
  ours: CountedSide;
  against: readonly CountedSide[];
  limit?: number;
  leftOut?: string;
  rounds: number;
  warmup?: number;
}

/** Measures one side against others in turn. */
export function compare({ name, scene, ours, against, limit, leftOut, rounds, warmup = 2 }: Comparison): Row {
  const sides = [ours, ...against];
  const timings = interleave(sides, rounds, warmup);
  const cost = (index: number): Cost => {
    const { run: _, perRun: __, ...counts } = sides[index] as CountedSide;
    return { ...counts, ms: timings[index]?.ms ?? NaN };
  };
  const fastest = timings.slice(1).sort((a, b) => a.ms - b.ms)[0];
  const row: Row = {
    name,
    scene,
    ours: cost(0),
    against: against.map((_, i) => cost(i + 1)).sort((a, b) => a.ms - b.ms),
  };
  if (fastest !== undefined && timings[0] !== undefined) row.ratio = ratio(timings[0], fastest);
  if (limit !== undefined) row.limit = limit;
  if (leftOut !== undefined) row.leftOut = leftOut;
  return row;
}
