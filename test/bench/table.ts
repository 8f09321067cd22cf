/** Rows as text: two lines a comparison at most, in columns that fit 120 characters. */
import type { Cost, Row } from './row.ts';

const time = (ms: number): string =>
  ms < 0.01 ? `${(ms * 1e6).toFixed(0)} ns` : ms < 10 ? `${ms.toFixed(2)} ms` : `${ms.toFixed(1)} ms`;

const count = (value: number | undefined): string => (value === undefined ? '·' : String(value));

const line = (
  name: string,
  what: string,
  ms: string,
  calls: string,
  reads: string,
  ratio: string,
  limit: string,
): string =>
  [name.padEnd(24), what.padEnd(42), ms.padStart(10), calls.padStart(9), reads.padStart(9), ratio.padStart(10), limit]
    .join(' ')
    .trimEnd();

export const HEADER: string = line('', '', 'time', 'kcmp', '/proc', 'ratio', 'at most');

const costLine = (cost: Cost, ratio = '', limit = ''): string =>
  line('', `  ${cost.name}`, time(cost.ms), count(cost.kcmpCalls), count(cost.procReads), ratio, limit);

export function rowLines(row: Row): string {
  const { name, scene, ours, against = [], ratio, figure, limit, leftOut, each, power } = row;
  const measured = figure === undefined ? ratio?.toFixed(3) : `${figure.value.toFixed(1)} ${figure.unit}`;
  const verdict =
    limit === undefined ? '' : `${limit}${(figure?.value ?? ratio ?? power ?? 0) > limit ? '  MISSED' : ''}`;
  if (each !== undefined && ours !== undefined) {
    const lines = [
      line(
        name,
        `${scene}, ${(each * 1000).toPrecision(3)} µs each`,
        time(ours.ms),
        '',
        '',
        power === undefined ? '' : `n^${power.toFixed(2)}`,
        verdict,
      ),
    ];
    return leftOut === undefined ? lines.join('') : [...lines, `  left out: ${leftOut}`].join('\n');
  }
  const lines = [
    line(name, scene, '', '', '', ours === undefined ? (measured ?? '') : '', ours === undefined ? verdict : ''),
  ];
  if (ours !== undefined) lines.push(costLine(ours, measured, verdict));
  lines.push(...against.map((cost) => costLine(cost)));
  if (leftOut !== undefined) lines.push(line('', `  left out: ${leftOut}`, '', '', '', '', ''));
  return lines.join('\n');
}
