/** Times that can be compared: every side runs in turn, round by round, and medians are taken. */

/** One way to do a job. `run` does it once; `perRun` is how many units that is (calls), 1 when left out. */
export interface Side {
  name: string;
  run: () => unknown;
  perRun?: number;
}

export interface Timing {
  name: string;
  /** Median milliseconds of one unit. */
  ms: number;
  /** Milliseconds of every round, in their order. */
  rounds: number[];
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
};

/** Runs the sides in turn, forwards and backwards, so that neither drift nor a place in the row favours one. */
export function interleave(sides: readonly Side[], rounds: number, warmup: number): Timing[] {
  const times = new Map<Side, number[]>(sides.map((side) => [side, []]));
  for (let round = -warmup; round < rounds; round++) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const start = process.hrtime.bigint();
      side.run();
      const ms = Number(process.hrtime.bigint() - start) / 1e6 / (side.perRun ?? 1);
      if (round >= 0) times.get(side)?.push(ms);
    }
  }
  return sides.map((side) => {
    const all = times.get(side) ?? [];
    return { name: side.name, ms: median(all), rounds: all };
  });
}

/** The median of one side's time divided by the other's in the same round. */
export const ratio = (ours: Timing, theirs: Timing): number =>
  median(ours.rounds.map((ms, round) => ms / (theirs.rounds[round] ?? NaN)));
