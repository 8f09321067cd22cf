/** Which open file descriptions a process shares with others, the nearest of them first. */
import { isComparable } from '../../binding/explain.ts';
import type { FileRef } from '../../binding/kcmp.ts';
import { listTasks } from '../../procfs/processes.ts';
import { isStuckInExec } from '../../scan/busy.ts';
import { Account } from '../../scan/coverage.ts';
import { listOpen } from '../../scan/listing.ts';
import { part, type Steps } from '../../scan/steps.ts';
import { groupsOf } from '../groups.ts';
import type { Allow } from './allow.ts';
import { addPairs, byInodes, type Giver, type Shared, type SharedFile } from './pairs.ts';

/**
 * @param own - the descriptors of the process
 * @param givers - with whom it is compared; who may not be looked at is counted as skipped
 */
export function* sharedWith(
  pid: number,
  own: readonly number[],
  givers: readonly number[],
  allowed: Allow,
): Steps<Shared> {
  const account = new Account();
  const tables: Giver[] = [];
  for (const giver of givers) {
    const fds = (yield* isStuckInExec(giver)) ? 'EBUSY' : yield* listOpen(giver);
    if (typeof fds === 'string') account.skip(giver, fds, 'process');
    else tables.push({ pid: giver, fds });
  }
  if (!isComparable()) return yield* byInodes(pid, own, tables, allowed, account);
  const shared = yield* byGroups(pid, givers, allowed);
  for (const table of tables) yield* addPairs(pid, own, table, allowed, shared);
  return shared;
}

function* byGroups(pid: number, givers: readonly number[], allowed: Allow): Steps<Shared> {
  const ranks = ranksOf(pid, givers);
  const isOneself = givers.includes(pid);
  const { groups, sharedTables, coverage } = yield* part(0, 0.9, groupsOf([pid, ...givers], isOneself ? 1 : 2, false));
  const files: SharedFile[] = [];
  // A table in common is listed under one of those that have it.
  const common = sharedTables.find((table) => table.pid === pid || table.sharedWith.includes(pid));
  const whole = isOneself ? undefined : givers.find((one) => one === common?.pid || common?.sharedWith.includes(one));
  const rankOf = ({ pid: id }: FileRef): number => (whole !== undefined ? 0 : (ranks.get(id) ?? Infinity));
  for (const { holders, kind, link } of whole ? (yield* part(0.9, 1, groupsOf([pid], 1, false))).groups : groups) {
    yield;
    const nearest = holders.reduce((rank, holder) => Math.min(rank, rankOf(holder)), Infinity);
    const theirs = holders.filter((holder) => rankOf(holder) === nearest);
    const sameNumber = new Map(theirs.toReversed().map((holder) => [holder.fd, holder]));
    for (const holder of nearest === Infinity ? [] : holders) {
      const { fd } = holder;
      if (fd <= 2 || holder.pid !== pid || allowed(fd, link)) continue;
      const other = sameNumber.get(fd) ?? (theirs[0] as FileRef);
      files.push({ fd, from: { pid: whole ?? other.pid, fd: other.fd }, kind, link });
    }
  }
  return { files, untold: new Set(), coverage };
}

/** How near each task is; a thread may have a table of its own, which it alone had to give. */
function ranksOf(pid: number, givers: readonly number[]): Map<number, number> {
  const ranks = new Map<number, number>();
  for (const [rank, giver] of givers.entries()) {
    const tasks = listTasks(giver);
    for (const id of typeof tasks === 'string' || tasks.includes(pid) ? [giver] : [giver, ...tasks])
      if (!ranks.has(id)) ranks.set(id, rank);
  }
  return ranks;
}
