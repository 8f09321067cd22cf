/** The failed assertion that lists what was inherited. */
import type { FileRef } from '../../binding/kcmp.ts';
import { type Coverage, unseen } from '../../scan/coverage.ts';
import { clean } from '../../util/text.ts';

/** What of the report goes into the message. */
interface Refused {
  pid: number;
  from: number;
  inherited: ReadonlyArray<Row & { from: FileRef }>;
  unexplained: readonly Row[];
  coverage: Coverage;
}

interface Row {
  fd: number;
  from?: FileRef;
  kind: string;
  link: string | null;
  name: string | null;
}

/**
 * Throws what an assertion that nothing was inherited does.
 * @param asserted - the function that was called, with which the stack begins
 */
export function refuseInherited(report: Refused, asserted: (...args: never[]) => unknown): void {
  const { pid, inherited, unexplained, coverage } = report;
  const [missed] = unseen(coverage);
  if (inherited.length + unexplained.length === 0 && missed === undefined) return;
  const message =
    inherited.length + unexplained.length === 0
      ? `some descriptors of process ${pid} could not be compared: ${missed?.reason}`
      : [...sharedText(report), ...unexplainedText(report)].join('\n');
  // Loaded here, since it costs more than this package.
  const { AssertionError } = process.getBuiltinModule('node:assert');
  throw new AssertionError({
    message,
    actual: [...inherited, ...unexplained],
    expected: [],
    operator: 'assertNoInherited',
    stackStartFn: asserted,
  });
}

const counted = ({ length }: readonly unknown[]): string => `${length} descriptor${length === 1 ? '' : 's'}`;

function sharedText({ pid, from, inherited }: Refused): string[] {
  if (inherited.length === 0) return [];
  const givers = new Set(inherited.map((file) => file.from.pid));
  const whom = givers.size === 1 ? `process ${[...givers].join()}` : `process ${from} and others that it descends from`;
  const isFar = givers.size > 1;
  return [
    `process ${pid} shares ${counted(inherited)} with ${whom}:`,
    ...table(['FD', 'FROM', 'KIND', 'FILE'], inherited, (other) =>
      isFar ? `${other.pid}:${other.fd}` : `${other.fd}`,
    ),
  ];
}

function unexplainedText({ pid, unexplained, coverage }: Refused): string[] {
  if (unexplained.length === 0) return [];
  const [missed] = unseen(coverage);
  const [has, unread] = missed === undefined ? ['has', ''] : ['was seen to have', ', or could not be looked at'];
  return [
    `process ${pid} has ${counted(unexplained)} that nobody it descends from ${has}: given by who has closed it since, or ended${unread}, or opened by itself:`,
    ...table(['FD', 'KIND', 'FILE'], unexplained),
  ];
}

function table(head: readonly string[], files: readonly Row[], placeOf?: (from: FileRef) => string): string[] {
  const rows = [
    head,
    ...files.map(({ fd, from, kind, link, name }) => [
      `${fd}`,
      ...(from === undefined || placeOf === undefined ? [] : [placeOf(from)]),
      kind,
      clean(name ?? link ?? '?'),
    ]),
  ];
  const widths = head.map((_, column) => rows.reduce((width, row) => Math.max(width, (row[column] ?? '').length), 0));
  const last = head.length - 1;
  return rows.map((row) => `  ${row.map((cell, i) => (i === last ? cell : cell.padEnd(widths[i] ?? 0))).join('  ')}`);
}
