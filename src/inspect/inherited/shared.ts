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
  // A table in common is listed under one of those that have it.
  const common = isOneself ? undefined : sharedTables.find((one) => one.pid === pid || one.sharedWith.includes(pid));
  const listed = common?.pid ?? pid;
  const rankOf = (id: number): number => (id === listed && !isOneself ? Infinity : (ranks.get(id) ?? Infinity));
  const files = new Map<number, SharedFile>();
  for (const { holders, kind, link } of groups) {
    yield;
    const nearest = holders.reduce((rank, holder) => Math.min(rank, rankOf(holder.pid)), Infinity);
    const theirs = nearest === Infinity ? [] : holders.filter((holder) => rankOf(holder.pid) === nearest);
    const sameNumber = new Map(theirs.toReversed().map((holder) => [holder.fd, holder]));
    for (const holder of theirs.length === 0 ? [] : holders) {
      const { fd } = holder;
      if (fd <= 2 || holder.pid !== listed || allowed(fd, link)) continue;
      const { pid: other, fd: number } = sameNumber.get(fd) ?? (theirs[0] as FileRef);
      files.set(fd, { fd, from: { pid: other, fd: number }, kind, link });
    }
  }
  const sharers = [listed, ...(common?.sharedWith ?? [])].filter((id) => id !== pid && ranks.has(id));
  const whole = common && sharers.sort((a, b) => (ranks.get(a) as number) - (ranks.get(b) as number))[0];
  for (const { holders, kind, link } of whole ? (yield* part(0.9, 1, groupsOf([pid], 1, false))).groups : []) {
    yield;
    for (const { fd } of holders) {
      const known = files.get(fd);
      const isNearer = known !== undefined && rankOf(known.from.pid) < (ranks.get(whole as number) as number);
      if (fd > 2 && !isNearer && !allowed(fd, link))
        files.set(fd, { fd, from: { pid: whole as number, fd }, kind, link });
    }
  }
  return { files: [...files.values()], untold: new Set(), coverage };
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
