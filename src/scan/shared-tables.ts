/** Which tasks have one descriptor table in common? By kcmp(2)'s order of tables, so that many cost no more than sorting them. */
import { KCMP_FILES } from '../binding/abi.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { readLink } from '../procfs/fd.ts';
import { readProcess } from '../procfs/status.ts';
import { groupBy, membersOf } from '../util/merge-sort.ts';
import type { Steps } from './steps.ts';
import { hasTable } from './task-state.ts';

/** Why tables could not be told apart, where files can be. */
export const NOT_TOLD = 'a seccomp filter forbids KCMP_FILES, so that shared descriptor tables look separate';

/** What stands for a table. */
interface Sharer {
  id: number;
  fds: readonly number[];
  sharedWith: number[];
}

/** The processes that have these tables, each once. */
export const processesOf = (tables: ReadonlyArray<{ pid: number; sharedWith: readonly number[] }>): Set<number> =>
  new Set(tables.flatMap(({ pid, sharedWith }) => [pid, ...sharedWith]));

/** Whether two tasks have one table. */
export const sharesTable = (a: number, b: number): boolean => kcmpRaw(a, b, KCMP_FILES, 0, 0) === 0;

/** kcmp(2)'s order of tables; one that has ended goes first wherever it stands, which moves no other. */
function compareTables(a: number, b: number): number {
  const result = kcmpRaw(a, b, KCMP_FILES, 0, 0);
  if (result >= 0) return result === 1 ? -1 : result;
  return kcmpRaw(a, a, KCMP_FILES, 0, 0) < 0 ? -1 : 1;
}

/** One task for each table. */
export function* distinctTables(tasks: readonly number[]): Steps<number[]> {
  const compare = (a: number, b: number): number => compareTables(tasks[a] as number, tasks[b] as number);
  const { leaders } = yield* groupBy(Int32Array.from(tasks.keys()), compare, new Int32Array(tasks.length));
  return [...leaders].map((at) => tasks[at] as number).sort((a, b) => a - b);
}

/**
 * Of several processes with one table keeps `first`, or else the lowest, and names the others in it. Only kcmp can
 * tell: a table may change between two listings of it.
 */
export function* withoutShared<T extends Sharer>(tables: T[], first: number | undefined): Steps<T[]> {
  // An empty table may be none at all, and nothing equals nothing.
  const open = tables.filter(({ fds }) => fds.length > 0);
  const at = (i: number): T => open[i] as T;
  const compare = (a: number, b: number): number => compareTables(at(a).id, at(b).id);
  const dropped = new Set<T>();
  const groups = yield* groupBy(Int32Array.from(open.keys()), compare, new Int32Array(open.length));
  for (const leader of groups.leaders) {
    const sharers = membersOf(groups, leader).map(at);
    // Of tasks that have ended meanwhile nothing equals nothing as well.
    if (sharers.length === 1 || !sharers.some(({ id }) => hasTable(id))) continue;
    sharers.sort((a, b) => (a.id === first ? -1 : b.id === first ? 1 : a.id - b.id));
    const [kept, ...others] = sharers as [T, ...T[]];
    kept.sharedWith.push(...others.map(({ id }) => id));
    for (const other of others) dropped.add(other);
  }
  return dropped.size === 0 ? tables : tables.filter((table) => !dropped.has(table));
}

/** Where kcmp cannot tell: leaves out the process of the thread that was asked about, if its table reads the same. */
export function* withoutTwin<T extends Sharer>(tables: T[], asked: number | undefined): Steps<T[]> {
  const first = tables.find(({ id }) => id === asked);
  if (first === undefined) return tables;
  const leader = readProcess(first.id);
  const twins = tables.filter(({ id }) => id === leader && id !== first.id);
  return (yield* isAmong(twins, first)) ? tables.filter((table) => !twins.includes(table)) : tables;
}

type Listing = Pick<Sharer, 'id' | 'fds'>;

/** Whether a listing reads as one of others, link by link: where kcmp cannot tell, these may be one table. */
export function* isAmong(others: Iterable<Listing>, one: Listing): Steps<boolean> {
  for (const other of others) if (yield* areAlike(other, one)) return true;
  return false;
}

function* areAlike(a: Listing, b: Listing): Steps<boolean> {
  if (a.fds.length !== b.fds.length) return false;
  for (const [i, fd] of a.fds.entries()) {
    if (fd !== b.fds[i] || readLink(a.id, fd) !== readLink(b.id, fd)) return false;
    yield;
  }
  return true;
}
