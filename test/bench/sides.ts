/** The sides of a comparison: a job of the package, a reference in C; and one job at growing sizes. */
import type { Build, Counts } from './build.ts';
import { perform, type Job } from './jobs.ts';
import { countCalls } from './observe.ts';
import { compare, type CountedSide, type Row } from './row.ts';

/** A job of the package, its calls counted in a process of its own. */
export const ourSide = ({ library, index }: Build, job: Job): CountedSide => ({
  name: `${job.call}()`,
  run: () => perform(library, job),
  ...countCalls(index, job),
});

/** A reference, which counts for itself. */
export function cSide(name: string, run: () => Counts): CountedSide {
  const { kcmpCalls, procReads } = run();
  return { name, run, kcmpCalls, procReads };
}

/** One job at sizes that grow by four; each row's ratio is its time by that of the row before. */
export function* growthRows(
  build: Build,
  name: string,
  rounds: number,
  sizes: ReadonlyArray<{ scene: string; job: Job }>,
): Generator<Row> {
  let before: Row['ours'];
  for (const { scene, job } of sizes) {
    const row = compare({ name, scene, ours: ourSide(build, job), against: [], rounds });
    if (row.ours !== undefined && before !== undefined) {
      row.against = [{ ...before, name: 'a quarter of it' }];
      row.ratio = row.ours.ms / before.ms;
    }
    before = row.ours;
    yield row;
  }
}
