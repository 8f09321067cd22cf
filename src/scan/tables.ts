/**
 * Which descriptor tables there are: one a process, one more for each thread that unshared its own,
 * and only one for processes that share theirs; with an account of what could not be seen.
 */
import { KCMP_FILES } from '../binding/abi.ts';
import { accessTo, isComparable } from '../binding/explain.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { listDescriptors } from '../procfs/fd.ts';
import { isListed, listProcesses, listTasks } from '../procfs/processes.ts';
import { groupBy, membersOf } from '../util/merge-sort.ts';
import { Account } from './coverage.ts';
import { goneOrHidden } from './subject.ts';
import { hasTable } from './task-state.ts';

const { constants } = process.getBuiltinModule('node:os');

const { EINVAL } = constants.errno;

/** One descriptor table. */
export interface Table {
  /** The task that stands for it: a process, or a thread with a table of its own. */
  id: number;
  /** The open descriptors, ascending. */
  fds: number[];
  /** Other processes that share it. */
  sharedWith: number[];
}

/** Reads the descriptors of a task, ascending, or answers the errno's name. */
export type Lister = (id: number) => number[] | string;

export interface Scan {
  tables: Table[];
  account: Account;
  /** Whether kcmp can be used at all; where not, only inodes can tell. */
  comparable: boolean;
}

/**
 * Lists the tables of processes.
 * @param pids - undefined for every process of /proc
 * @param first - a task whose table stands under that very id, and which is looked at even if not listed
 * @param list - how the descriptors of a task are read
 */
export function scan(
  pids: readonly number[] | undefined,
  onProgress: ((done: number, total: number) => void) | undefined,
  first?: number,
  list: Lister = listDescriptors,
): Scan {
  const account = new Account();
  const comparable = isComparable();
  const asked = pids ?? listProcesses();
  const all = first === undefined || asked.includes(first) ? asked : [first, ...asked];
  if (pids === undefined && !isListed(1)) account.skip(1, 'EPERM', 'process');
  const found = new Map<number, Table>();
  for (const [i, pid] of all.entries()) {
    scanProcess(pid, found, account, comparable, list);
    onProgress?.(i + 1, all.length);
  }
  const tables = [...found.values()];
  return { tables: comparable ? withoutShared(tables, first) : tables, account, comparable };
}

function scanProcess(
  pid: number,
  tables: Map<number, Table>,
  account: Account,
  comparable: boolean,
  list: Lister,
): void {
  const fds = list(pid);
  if (typeof fds === 'string') return account.skip(pid, goneOrHidden(pid, fds), 'process');
  if (comparable) {
    const access = accessTo(pid);
    if (access !== -EINVAL) return account.skip(pid, access === -constants.errno.ESRCH ? 'ESRCH' : 'EPERM', 'process');
  }
  const own: Table[] = [{ id: pid, fds, sharedWith: [] }];
  const tasks = listTasks(pid);
  if (typeof tasks !== 'string' && tasks.length > 1) scanThreads(tasks, own, account, comparable, list);
  account.processes++;
  for (const table of own) {
    // A thread that was asked about by its id comes again with its process.
    if (tables.has(table.id)) continue;
    account.tasks++;
    account.descriptors += table.fds.length;
    tables.set(table.id, table);
  }
}

/** Adds the tables of threads that unshared theirs; a leader that has exited has none, so its threads' counts as well. */
function scanThreads(tasks: number[], own: Table[], account: Account, comparable: boolean, list: Lister): void {
  for (const tid of tasks) {
    if (tid === own[0]?.id) continue;
    if (comparable && own.some(({ id }) => kcmpRaw(id, tid, KCMP_FILES, 0, 0) === 0)) continue;
    const fds = list(tid);
    if (typeof fds === 'string') account.skip(tid, goneOrHidden(tid, fds), 'task');
    // Without kcmp only a listing that differs gives away a table of its own.
    else if (comparable || fds.join() !== own[0]?.fds.join()) own.push({ id: tid, fds, sharedWith: [] });
  }
}

/**
 * Of several processes with one table keeps `first`, or else the lowest, and names the others in it. Only kcmp can
 * tell: a table may change between two listings of it.
 */
function withoutShared(tables: Table[], first: number | undefined): Table[] {
  // An empty table may be none at all, and nothing equals nothing.
  const open = tables.filter(({ fds }) => fds.length > 0);
  const at = (i: number): Table => open[i] as Table;
  const raw = (a: number, b: number): number => kcmpRaw(at(a).id, at(b).id, KCMP_FILES, 0, 0);
  const compare = (a: number, b: number): number => {
    const result = raw(a, b);
    if (result >= 0) return result === 1 ? -1 : result;
    // One that has ended goes first wherever it stands, which moves no other.
    return raw(a, a) < 0 ? -1 : 1;
  };
  const dropped = new Set<Table>();
  const groups = groupBy(Int32Array.from(open.keys()), compare, new Int32Array(open.length));
  for (const leader of groups.leaders) {
    const sharers = membersOf(groups, leader).map(at);
    // Of tasks that have ended meanwhile nothing equals nothing as well.
    if (sharers.length === 1 || !sharers.some(({ id }) => hasTable(id))) continue;
    sharers.sort((a, b) => (a.id === first ? -1 : b.id === first ? 1 : a.id - b.id));
    const [kept, ...others] = sharers as [Table, ...Table[]];
    kept.sharedWith = others.map(({ id }) => id);
    for (const other of others) dropped.add(other);
  }
  return dropped.size === 0 ? tables : tables.filter((table) => !dropped.has(table));
}
