/** Lines of a table, on a terminal no wider than that. They are cleaned where they are printed, as every line is. */
import { clean } from '../../util/text.ts';
import { shortened, widthOf, wrapped } from '../../util/width.ts';
import type { Io } from '../io.ts';

/** No column becomes narrower than this. */
const LEAST = 12;
/** Nor than this as long as the last one has something to give. */
const ENOUGH = 20;
/** The same beside sentences that go on in the next line: so long is an address with its port and state. */
const BESIDE_SENTENCES = 30;
const GAP = 2;

/** The columns of the terminal, since a command's text goes to one output; a file or a pipe has no end of a line. */
let columns = Infinity;

/** Called before a command is run. */
export function fitTo(io: Io): void {
  columns = (io.outIsTerminal?.() === true ? io.columns?.() : undefined) || Infinity;
}

/** Takes from the last column, which says who, only where the others have lost most of what is too long in them. */
function fit(widths: readonly number[], fixed: readonly number[], wraps: boolean): number[] {
  const last = widths.length - 1;
  const kept = take(widths, [...fixed, last], wraps ? BESIDE_SENTENCES : ENOUGH);
  const others = [...widths.keys()].filter((i) => i !== last);
  return take(wraps ? take(kept, others, LEAST) : kept, fixed, LEAST);
}

/** Takes from the widest column until all fit, or none is left to take from; the last may then go over the edge. */
function take(widths: readonly number[], fixed: readonly number[], least: number): number[] {
  const fitted = [...widths];
  const total = (): number => fitted.reduce((sum, width) => sum + width + GAP, -GAP);
  while (total() > columns) {
    const wide = fitted.map((width, i) => (fixed.includes(i) ? 0 : width));
    const widest = Math.max(...wide);
    if (widest <= least) break;
    const second = Math.max(least, ...wide.filter((width) => width < widest));
    const count = wide.filter((width) => width === widest).length;
    const less = Math.max(1, Math.min(widest - second, Math.ceil((total() - columns) / count)));
    for (const [i, width] of wide.entries()) if (width === widest) fitted[i] = width - less;
  }
  return fitted;
}

/**
 * Columns are as wide as they must be, two spaces apart; names that are too long for a terminal lose their middle.
 * @param right - indices of the columns that hold numbers
 * @param wraps - whether the last column holds sentences, which go on in the next line
 */
export function table(head: string[], rows: string[][], right: number[] = [], wraps: boolean = false): string[] {
  const last = head.length - 1;
  let all = [head, ...rows];
  const widest = (i: number): number => all.reduce((width, row) => Math.max(width, widthOf(clean(row[i] ?? ''))), 0);
  const widths = fit(
    head.map((_, i) => widest(i)),
    right,
    wraps,
  );
  if (wraps && columns !== Infinity)
    all = all.flatMap((row) =>
      wrapped(row[last] ?? '', widths[last] ?? 0, clean).map((line, i) => [
        ...(i === 0 ? row.slice(0, last) : head.slice(0, last).map(() => '')),
        line,
      ]),
    );
  const cells =
    columns === Infinity ? all : all.map((row) => row.map((cell, i) => shortened(cell, widths[i] ?? 0, clean)));
  const pad = (cell: string, i: number): string => {
    const space = ' '.repeat(Math.max(0, (widths[i] ?? 0) - widthOf(clean(cell))));
    return right.includes(i) ? space + cell : cell + space;
  };
  return cells.map((row) => row.map(pad).join(' '.repeat(GAP)).replace(/ +$/, ''));
}
