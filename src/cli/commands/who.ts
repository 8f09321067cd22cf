/**
 * `kcmp who PID:FD`: who else refers to this open file description, who has its other end, and who another description
 * of the same inode.
 */
import { findHolders, type Holder, type HolderReport } from '../../index.ts';
import { readProcess } from '../../procfs/status.ts';
import { expect, fileRef, parse } from '../args.ts';
import type { Command, ExitCode } from '../io.ts';
import { withoutUs } from '../output/observer.ts';
import { scanCode, tellPartial } from '../output/coverage.ts';
import { elsewhereCode } from '../output/elsewhere.ts';
import { printJson } from '../output/json.ts';
import { print } from '../output/print.ts';
import { withProgress } from '../output/progress.ts';
import { whoText } from '../output/who.ts';

/** Who has it besides the descriptor that was asked about; a thread's own process is nobody else. */
function othersOf({ file, holders }: HolderReport): Holder[] {
  const own = readProcess(file.pid);
  return holders.filter(
    ({ pid, fd, sharedWith = [] }) => pid !== file.pid || fd !== file.fd || sharedWith.some((id) => id !== own),
  );
}

/** Whether anything surely keeps it, or its other end; what may do so is trouble. */
function codeOf({ otherEnd, elsewhere = [], coverage }: HolderReport, others: readonly Holder[]): ExitCode {
  if (others.length > 0 || (otherEnd?.holders.length ?? 0) > 0) return 0;
  const isUnsure = otherEnd?.state === 'unseen' || otherEnd?.state === 'unknown';
  return elsewhereCode(elsewhere) ?? (isUnsure ? 2 : scanCode(false, coverage));
}

export const run: Command = (args, io) => {
  const parsed = parse('who', args);
  expect('who', parsed.rest, 'PID:FD');
  const file = fileRef(parsed.rest[0] ?? '');
  const report = withoutUs(withProgress(io, (options) => findHolders(file, options)));
  const others = othersOf(report);
  if (parsed.flag('json')) printJson(io, report);
  else print(io, whoText(report, others));
  tellPartial(io, report.coverage);
  return codeOf(report, others);
};
