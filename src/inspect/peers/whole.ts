/** Was everything looked at? Only then nobody means nobody. */
import { codeOf, fs } from '../../procfs/read.ts';
import { PROC } from '../../procfs/root.ts';
import { unseen } from '../../scan/coverage.ts';
import type { Scan } from '../../scan/tables.ts';
import { plural } from '../../util/text.ts';

/** PROC_PID_INIT_INO of include/linux/proc_ns.h: from this namespace every process is seen. */
const INITIAL = 'pid:[4026531836]';

function isInInitialNamespace(): boolean {
  try {
    return fs().readlinkSync(`${PROC}/self/ns/pid`) === INITIAL;
  } catch (error) {
    codeOf(error);
    return false;
  }
}

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
  return isInInitialNamespace() ? undefined : 'processes outside of this pid namespace cannot be seen';
}
