/** What a scan could not see: one line on stderr, and its weight in the exit code. */
import type { Coverage } from '../../index.ts';
import { unseen } from '../../scan/coverage.ts';
import { addTo } from '../../util/multimap.ts';
import { plural, some } from '../../util/text.ts';
import type { ExitCode, Io } from '../io.ts';
import { tell } from './print.ts';

/** Found is 0; nothing found is 1 only when everything was seen. */
export function scanCode(found: boolean, ...coverages: Coverage[]): ExitCode {
  if (found) return 0;
  return coverages.some((coverage) => unseen(coverage).length > 0) ? 2 : 1;
}

const SHOWN = 3;

/** Says in one line what a partial scan left out; nothing after a complete one. */
export function tellPartial(io: Io, coverage: Coverage): void {
  const left = unseen(coverage);
  if (left.length === 0) return;
  const counts = (['process', 'task', 'descriptor'] as const).flatMap((unit) => {
    const count = left.reduce((sum, entry) => sum + (entry.unit === unit ? entry.count : 0), 0);
    return count === 0 ? [] : [plural(count, unit, unit === 'process' ? 'processes' : `${unit}s`)];
  });
  const byCause = new Map<string, number[]>();
  for (const { pid, code, reason } of left) addTo(byCause, `${code} for pid %s: ${reason}`, pid);
  const causes = [...byCause].map(([cause, pids]) => cause.replace('%s', some([...new Set(pids)].map(String), SHOWN)));
  const more = causes.length > SHOWN ? [plural(causes.length - SHOWN, 'more reason')] : [];
  tell(
    io,
    `not everything could be seen: ${counts.join(', ')} skipped (${[...causes.slice(0, SHOWN), ...more].join('; ')})`,
  );
}
