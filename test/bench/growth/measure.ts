/**
 * One question at sizes that grow: how long it takes, how long for each of what there is, and by which power the time of
 * the processor grows, which others on the machine hardly change.
 */
import { median } from '../measure.ts';
import type { Row } from '../row.ts';

export interface Question {
  /** The name of its rows. */
  name: string;
  call: string;
  ask: () => unknown;
  /** What the power should not exceed; none where the kernel's own work grows faster. */
  limit?: number;
}

/** So many milliseconds are spent on a question at one size, unless a single time takes longer. */
const ENOUGH = 3000;
const MOST = 15;
/** A question that takes less is warmed up first. */
const QUICK = 300;

/** Asks one after another, so that a slow spell of the machine falls on all. */
export async function* measured(
  size: number,
  things: string,
  questions: readonly Question[],
  before: Map<string, { size: number; worked: number }>,
): AsyncGenerator<Row> {
  for (const { name, call, ask, limit } of questions) {
    const [rounds, work]: [number[], number[]] = [[], []];
    for (let left = ENOUGH, round = 0; rounds.length < MOST && left > 0; round++) {
      const used = process.cpuUsage();
      const start = performance.now();
      await ask();
      const ms = performance.now() - start;
      const { user, system } = process.cpuUsage(used);
      left -= ms;
      if (round <= 1 && ms <= QUICK) continue;
      rounds.push(ms);
      work.push(user + system);
    }
    const ms = median(rounds);
    const worked = median(work);
    const last = before.get(name);
    before.set(name, { size, worked });
    const row: Row = {
      name,
      scene: `${size.toLocaleString('en')} ${things}`,
      ours: { name: call, ms },
      each: ms / size,
    };
    if (last !== undefined) row.power = Math.log(worked / last.worked) / Math.log(size / last.size);
    yield limit === undefined ? row : { ...row, limit };
  }
}

/** Measures questions at one size after another; each scene is gone before the next comes. */
export async function* growing<S extends { stop(): Promise<void>; count: number }>(
  sizes: readonly number[],
  things: string,
  start: (size: number) => Promise<S>,
  questionsOf: (scene: S, size: number) => readonly Question[] | Promise<readonly Question[]>,
): AsyncGenerator<Row> {
  const before = new Map<string, { size: number; worked: number }>();
  for (const size of sizes) {
    const scene = await start(size);
    try {
      const rows = measured(scene.count, things, await questionsOf(scene, size), before);
      if (scene.count === size) yield* rows;
      else for await (const row of rows) yield { ...row, leftOut: `${size}: this machine allows no more` };
    } finally {
      await scene.stop();
    }
  }
}
