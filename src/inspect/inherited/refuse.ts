/** The failed assertion that lists what was inherited. */
import type { FileRef } from '../../binding/kcmp.ts';
import { type Coverage, unseen } from '../../scan/coverage.ts';
import { clean } from '../../util/text.ts';

/** What of the report goes into the message. */
interface Refused {
  pid: number;
  from: number;
  inherited: ReadonlyArray<{ fd: number; from: FileRef; kind: string; link: string | null; name: string | null }>;
  coverage: Coverage;
}

/**
 * Throws what an assertion that nothing was inherited does.
 * @param asserted - the function that was called, with which the stack begins
 */
export function refuseInherited(report: Refused, asserted: (...args: never[]) => unknown): void {
  const { pid, from, inherited, coverage } = report;
  const [missed] = unseen(coverage);
  if (inherited.length === 0 && missed === undefined) return;
  const message =
    inherited.length === 0
      ? `some descriptors of process ${pid} could not be compared: ${missed?.reason}`
      : [
          `process ${pid} shares ${inherited.length} descriptor${inherited.length === 1 ? '' : 's'} with process ${from}:`,
          ...table(inherited),
        ].join('\n');
  // Loaded here, since it costs more than this package.
  const { AssertionError } = process.getBuiltinModule('node:assert');
  throw new AssertionError({
    message,
    actual: inherited,
    expected: [],
    operator: 'assertNoInherited',
    stackStartFn: asserted,
  });
}

function table(inherited: Refused['inherited']): string[] {
  const rows = [
    ['FD', 'FROM', 'KIND', 'FILE'],
    ...inherited.map(({ fd, from, kind, link, name }) => [`${fd}`, `${from.fd}`, kind, clean(name ?? link ?? '?')]),
  ];
  const widths = [0, 1, 2].map((column) =>
    rows.reduce((width, row) => Math.max(width, (row[column] as string).length), 0),
  );
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`);
}
