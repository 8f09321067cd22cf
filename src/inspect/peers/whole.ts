/** Was everything looked at? Only then nobody means nobody. */
import { isInFirstNamespace } from '../../procfs/processes.ts';
import { unseen } from '../../scan/coverage.ts';
import type { Scan } from '../../scan/tables.ts';
import { plural } from '../../util/text.ts';

/** Why somebody may have been missed, undefined when nobody can have been. */
export function whyNotAll({ all, account, comparable }: Scan): string | undefined {
  if (!all) return 'only the processes asked for were looked at';
  // Without kcmp(2) descriptors that could not be told from the one asked about are among them.
  const skipped = unseen(account).filter(({ unit, code }) => comparable || unit !== 'descriptor' || code === 'EAGAIN');
  const [first] = skipped;
  if (first !== undefined) {
    const processes = new Set(skipped.map(({ pid }) => pid)).size;
    return `${plural(processes, 'process', 'processes')} could not be looked at in full (pid ${first.pid}: ${first.reason})`;
  }
  return isInFirstNamespace() ? undefined : 'processes outside of this pid namespace cannot be seen';
}
