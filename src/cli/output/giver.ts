/**
 * Where a descriptor came from, as far as that can be told afterwards: not from the parent that has it no more, or never
 * had it. The kernel keeps no record of who made a description.
 *
 * Source: setsid(2): a process is of its parent's session until it makes its own, whose number is its pid.
 */
import type { Coverage, OpenFile } from '../../index.ts';
import { readStat, type Stat } from '../../procfs/stat.ts';
import { readProcess } from '../../procfs/status.ts';
import { unseen } from '../../scan/coverage.ts';
import { named } from './names.ts';

export const isDeletedFile = ({ kind, name }: OpenFile): boolean =>
  kind === 'regular' && name?.startsWith('deleted ') === true;

/** What somebody keeps who was not meant to: a listener that nobody serves, a file that is deleted, a lock that was left. */
const isLeft = (file: OpenFile): boolean =>
  file.idle !== undefined || isDeletedFile(file) || (file.locks ?? []).some(({ takerEnded }) => takerEnded);

/**
 * Of what is no use to who has it.
 * @param isLimited - whether only some processes were looked at
 * @returns `its parent 1 (init) does not have it: if it was inherited, then from a process that has ended or closed it`
 */
export function giverText(file: OpenFile, coverage: Coverage, isLimited: boolean): string[] {
  if (isLimited || !isLeft(file)) return [];
  const pids = new Set(
    file.holders.flatMap(({ pid, sharedWith = [] }) => [pid, ...sharedWith]).map((id) => readProcess(id)),
  );
  const roots = [...pids].filter((pid) => !pids.has(parentOf(pid)));
  const [root = 0] = roots;
  // What exec would close was hardly given.
  if (file.holders.some(({ pid, cloexec }) => readProcess(pid) === root && cloexec !== false)) return [];
  const stat = readStat(root);
  if (roots.length !== 1 || typeof stat === 'string' || stat.ppid === 0) return [];
  const skipped = new Set(unseen(coverage).map(({ pid }) => pid));
  if (skipped.has(stat.ppid)) return [];
  const parent = readStat(stat.ppid);
  if (typeof parent === 'string') return [];
  const isOrphan = isLeftBehind(root, stat, parent, skipped);
  const its = isOrphan ? 'its new parent' : 'its parent';
  const who = pids.size === 1 ? `${its} ${named(stat.ppid)}` : `the parent of ${named(root)}, ${named(stat.ppid)},`;
  return [
    isOrphan
      ? `the process that started ${named(root)} has ended, and ${who} does not have it`
      : `${who} does not have it: if it was inherited, then from a process that has ended or closed it`,
  ];
}

function parentOf(pid: number): number {
  const stat = readStat(pid);
  return typeof stat === 'string' ? 0 : stat.ppid;
}

/**
 * Whether its parent cannot have started it, since it never was in the session that the process is of, which has not made
 * that itself. Init and others that take in orphans lead a session of their own, and may have been in another one before:
 * not in one that is younger than they are.
 */
function isLeftBehind(pid: number, { session, ppid }: Stat, parent: Stat, skipped: ReadonlySet<number>): boolean {
  if (session === 0 || session === pid || session === parent.session) return false;
  if (ppid === 1 || parent.session !== ppid) return true;
  // To read of one that is stuck would wait.
  if (skipped.has(session)) return false;
  const leader = readStat(session);
  return typeof leader !== 'string' && leader.startTime > parent.startTime;
}
