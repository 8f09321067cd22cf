/** What a scan could not see: one line on stderr, and its weight in the exit code. */
import type { Coverage, Skipped } from '../../index.ts';
import { unseen } from '../../scan/coverage.ts';
import { addTo } from '../../util/multimap.ts';
import { list, plural, some } from '../../util/text.ts';
import type { ExitCode, Io } from '../io.ts';
import { tell } from './print.ts';

/** Found is 0; nothing found is 1 only when everything was seen. */
export function scanCode(found: boolean, ...coverages: Coverage[]): ExitCode {
  if (found) return 0;
  return coverages.some((coverage) => unseen(coverage).length > 0) ? 2 : 1;
}

const SHOWN = 3;

/** Without the user or group id, by which one reason would become as many as there are users. */
const reasonOf = ({ reason }: Skipped): string => reason.replace(/ \([ug]id \d+\)$/, '');

/** What is not about anybody is counted at whoever asks. */
const isAboutNobody = (entries: readonly Skipped[]): boolean =>
  entries.every(({ pid, unit }) => pid === process.pid && unit === 'task');

/** A reason may say itself which errno it was. */
const withCodes = (reason: string, codes: string): string =>
  reason.endsWith(`(${codes})`) ? reason : `${reason} (${codes})`;

/** `3 processes (pid 7, 8 and 9): another user's (EACCES)`; the reason alone of what is not about anybody. */
function skippedText(entries: Skipped[], reason: string): string {
  const counts = (['process', 'task', 'descriptor'] as const).flatMap((unit) => {
    const count = entries.reduce((sum, entry) => sum + (entry.unit === unit ? entry.count : 0), 0);
    return count === 0 ? [] : [plural(count, unit, unit === 'process' ? 'processes' : `${unit}s`)];
  });
  if (isAboutNobody(entries)) return withCodes(reason, `${entries[0]?.code}`);
  const pids = [...new Set(entries.map(({ pid }) => `${pid}`))];
  const codes = [...new Set(entries.map(({ code }) => code))].sort();
  return `${list(counts)} (pid ${some(pids, SHOWN)}): ${withCodes(reason, codes.join(', '))}`;
}

/** What a change of user helps against, told to who has not got that far. */
const IS_REFUSED = /^(?:another (?:user|group)'s|not dumpable|more privileged|hidden)/;

function advice(entries: readonly Skipped[]): string {
  if (!entries.some(({ reason }) => IS_REFUSED.test(reason))) return '';
  return process.getuid?.() === 0 ? '; CAP_SYS_PTRACE would show them' : '; root sees them';
}

/** Says in one line what a partial scan left out, by reason; nothing after a complete one. */
export function tellPartial(io: Io, coverage: Coverage): void {
  const byReason = new Map<string, Skipped[]>();
  for (const entry of unseen(coverage)) addTo(byReason, reasonOf(entry), entry);
  if (byReason.size === 0) return;
  const isNobodys = ([, entries]: [string, Skipped[]]): boolean => isAboutNobody(entries);
  const ofSome = [...byReason].filter((one) => !isNobodys(one));
  const ordered = [...ofSome, ...[...byReason].filter(isNobodys)];
  const skipped = ordered.map(([reason, entries]) => skippedText(entries, reason));
  const more = skipped.length > SHOWN ? [plural(skipped.length - SHOWN, 'more reason')] : [];
  tell(
    io,
    `not everything could be seen${ofSome.length > 0 ? ', skipped ' : ': '}${[...skipped.slice(0, SHOWN), ...more].join('; ')}${advice(unseen(coverage))}`,
  );
}
