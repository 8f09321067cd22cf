/** Rows of a race in one table, and what of them is too much. */
import type { Row } from './caller.ts';

const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;
const period = (us: number): string => (us === 0 ? 'full speed' : us < 1000 ? `${us} µs` : `${us / 1000} ms`);

const COLUMNS: ReadonlyArray<[name: string, width: number, of: (row: Row) => string]> = [
  ['MOVER', 9, ({ move }) => move],
  ['KIND', 8, ({ kind }) => kind],
  ['PERIOD', 10, ({ periodUs }) => period(periodUs)],
  ['QUESTION', 15, ({ question, moves }) => question + (moves ? ', moves' : '')],
  ['DOOR', 8, ({ door }) => door],
  ['CALLS', 7, ({ calls }) => `${calls}`],
  ['WRONG', 6, ({ wrong }) => `${wrong}`],
  ['COULD NOT LOOK', 14, ({ told, calls }) => percent(told, calls)],
  ['MS A CALL', 9, ({ ms, calls }) => (ms / calls).toFixed(2)],
];
const RIGHT = 5; // from here on numbers

export const HEADER: string = COLUMNS.map(([name, width], i) =>
  i < RIGHT ? name.padEnd(width) : name.padStart(width),
).join(' ');
export const line = (row: Row): string =>
  COLUMNS.map(([, width, of], i) => (i < RIGHT ? of(row).padEnd(width) : of(row).padStart(width))).join(' ');

/** Rows of one mover and period in one, by question. */
export function summed(rows: readonly Row[], keyOf: (row: Row) => string): Row[] {
  const sums = new Map<string, Row>();
  for (const row of rows) {
    const sum = sums.get(keyOf(row));
    if (sum === undefined) sums.set(keyOf(row), { ...row });
    else for (const name of ['calls', 'wrong', 'told', 'ms'] as const) sum[name] += row[name];
  }
  return [...sums.values()];
}

/** How often it may be that something could not be looked at, as a share of the calls. */
const LIMIT = 0.05;
const LIMIT_MOVING = 0.5;

/**
 * What says "could not look" too often: with movers of 1 ms and slower, and where what is asked about moves itself, of
 * 5 ms and slower. Where kcmp(2) is refused, most cannot be told anyway.
 */
export function tooOften(rows: readonly Row[]): string[] {
  const slow = rows.filter(({ periodUs, moves, caller }) => caller !== 'refused' && periodUs >= (moves ? 5000 : 1000));
  return summed(slow, ({ move, moves, door }) => `${move} ${moves} ${door}`)
    .filter(({ told, calls, moves }) => told >= calls * (moves ? LIMIT_MOVING : LIMIT))
    .map(
      ({ move, moves, door, told, calls }) =>
        `${move}, ${moves ? 'which moves itself' : 'beside it'}, ${door}: ${percent(told, calls)}`,
    );
}
