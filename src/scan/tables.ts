/**
 * Which descriptor tables there are: one a process, one more for each thread that unshared its own,
 * and only one for processes that share theirs; with an account of what could not be seen.
 */
import { accessTo, areTablesComparable, isComparable } from '../binding/explain.ts';
import { hasNoneOpen, isEmpty } from '../procfs/raw/fd-listing.ts';
import { hasNothingOpen } from '../procfs/stat.ts';
import { isListed, listProcesses, listTasks } from '../procfs/processes.ts';
import { isStuckInExec } from './busy.ts';
import { Account } from './coverage.ts';
import { isWholeList, listOpen } from './listing.ts';
import { hasRested, lookAt, type Rest, restOf } from './rest.ts';
import { distinctTables, isAmong, NOT_TOLD, sharesTable, withoutShared, withoutTwin } from './shared-tables.ts';
import { part, type Steps } from './steps.ts';
import { goneOrHidden } from './subject.ts';
import { ERRNO } from '../util/errno.ts';

const { EINVAL, ESRCH } = ERRNO;

/** One descriptor table. */
export interface Table {
  /** The task that stands for it: a process, or a thread with a table of its own. */
  id: number;
  /** The process that the task is of. */
  pid: number;
  /** The open descriptors, ascending. */
  fds: number[];
  /** Other processes that share it. */
  sharedWith: number[];
  /** How it was with its process before it was listed; undefined when that cannot be told. */
  rest: Rest | undefined;
  /** Whether its list was put together while nothing moved behind the reader's back, as far as their number tells. */
  isWhole: boolean;
}

/** Reads the descriptors of a task, ascending, or answers the errno's name. */
export type Lister = (id: number) => Steps<number[] | string>;

/** What a scan saw of the tables. */
export class Scan {
  tables: Table[] = [];
  readonly account: Account = new Account();
  /** Whether kcmp can be used at all; where not, only inodes can tell. */
  readonly comparable: boolean = isComparable();
  /** Whether every process of /proc was asked for. */
  readonly all: boolean;
  /** Whether shared tables can be told from separate ones, which a filter may forbid by itself. */
  readonly #tellsTables: boolean = this.comparable && areTablesComparable();
  readonly #list: Lister;
  readonly #first: number | undefined;
  readonly #before: Rest | undefined;
  readonly #known = new Set<number>();

  /**
   * @param all - whether every process of /proc is asked for
   * @param first - a task whose table stands under that very id
   * @param before - how it was with that before
   */
  constructor(all: boolean, first: number | undefined, list: Lister, before: Rest | undefined) {
    this.all = all;
    this.#first = first;
    this.#before = before;
    this.#list = list;
  }

  /** Reads the tables of processes that were not read before; returns those that are new. */
  *read(pids: readonly number[]): Steps<Table[]> {
    const found = new Map<number, Table>();
    const known = new Set(this.tables.map(({ id }) => id));
    for (const [i, pid] of pids.entries()) {
      this.#known.add(pid);
      for (const table of yield* part(i / pids.length, (i + 1) / pids.length, this.#readProcess(pid))) {
        // A thread that was asked about by its id comes again with its process.
        if (known.has(table.id) || found.has(table.id)) continue;
        this.account.tasks++;
        this.account.descriptors += table.fds.length;
        found.set(table.id, table);
      }
      yield (i + 1) / pids.length;
    }
    const tables = [...this.tables, ...found.values()];
    if (found.size > 0 && tables.length > 1) this.#countUntold(process.pid, found.size);
    this.tables = this.#tellsTables
      ? yield* withoutShared(tables, this.#first)
      : yield* withoutTwin(tables, this.#first);
    return found.size === 0 ? [] : this.tables.filter(({ id }) => found.has(id));
  }

  /** Processes that were born since: whoever has what is sought was looked at, is in this list, or is a child of one that was. */
  listBorn(): number[] {
    return this.all ? listProcesses().filter((pid) => !this.#known.has(pid)) : [];
  }

  /** Reads those that were born; how much is done of what nobody knew of says nothing of the whole. */
  *readBorn(born: readonly number[] = this.listBorn()): Steps<Table[]> {
    return born.length === 0 ? [] : yield* part(0, 0, this.read(born));
  }

  /** Lists a table once more; of one that is gone nothing is left. */
  *readAgain(table: Table): Steps<void> {
    table.rest = restOf(table.pid);
    const fds = yield* this.#list(table.id);
    if (typeof fds === 'string') {
      if (table.fds.length > 0)
        this.account.skip(table.id, goneOrHidden(table.id, fds), 'descriptor', table.fds.length);
      table.fds = [];
      table.isWhole = true;
    } else yield* this.#fill(table, fds);
  }

  /**
   * Whether nothing in a table can have changed since it was listed: its process has not run, and nobody else has it.
   * @param ask - what tells whether it has run
   */
  isStill({ id, pid, fds, rest, sharedWith, isWhole }: Table, ask: typeof hasRested = hasRested): boolean {
    if (sharedWith.length > 0 || !isWhole) return false;
    return (fds.length === 0 && isEmpty(id)) || ask(pid, rest);
  }

  *#readProcess(pid: number): Steps<Table[]> {
    if (hasNoneOpen(pid)) {
      this.account.processes++;
      return [{ id: pid, pid, fds: [], sharedWith: [], rest: undefined, isWhole: true }];
    }
    const { rest, pulse } = lookAt(pid, pid === this.#first ? this.#before : undefined);
    if (pulse.isInExec && (yield* isStuckInExec(pid))) return this.#refuse(pid, 'EBUSY');
    const fds = yield* this.#list(pid);
    if (typeof fds === 'string') return this.#refuse(pid, goneOrHidden(pid, fds));
    const access = this.comparable ? accessTo(pid) : -EINVAL;
    if (access !== -EINVAL) return this.#refuse(pid, access === -ESRCH ? 'ESRCH' : 'EPERM');
    const own = [yield* this.#fill({ id: pid, pid, fds, sharedWith: [], rest, isWhole: true }, fds)];
    const tasks = pulse.threads === 1 ? [] : listTasks(pid);
    if (typeof tasks !== 'string' && tasks.length > 1) yield* this.#readThreads(tasks, own);
    this.account.processes++;
    return own;
  }

  /** Tables that may be one are told, where files can be compared; where nothing can, all of that is told anyway. */
  #countUntold(pid: number, count: number): void {
    if (this.comparable && !this.#tellsTables) this.account.skip(pid, 'EPERM', 'task', count, NOT_TOLD);
  }

  #refuse(pid: number, code: string): Table[] {
    // Anybody may read what tells that there is nothing to look at. Who is busy has something open, and asking would wait.
    if (code !== 'EBUSY' && hasNothingOpen(pid)) {
      this.account.processes++;
      this.account.tasks++;
    } else this.account.skip(pid, code, 'process');
    return [];
  }

  /** Adds the tables of threads that unshared theirs; a leader that has exited has none, so its threads' counts as well. */
  *#readThreads(tasks: readonly number[], own: Table[]): Steps<void> {
    const [{ id: leader, rest }] = own as [Table];
    const others = tasks.filter((tid) => tid !== leader && !(this.#tellsTables && sharesTable(leader, tid)));
    this.#countUntold(leader, others.length);
    // Sorted, since a process may have thousands of such threads.
    const distinct = this.#tellsTables ? yield* distinctTables(others) : others;
    for (const tid of distinct) {
      const fds = yield* this.#list(tid);
      if (typeof fds === 'string') this.account.skip(tid, goneOrHidden(tid, fds), 'task');
      // Where kcmp cannot tell, only a listing that differs gives away a table of its own.
      else if (this.#tellsTables || !(yield* isAmong(own, { id: tid, fds })))
        own.push(yield* this.#fill({ id: tid, pid: leader, fds, sharedWith: [], rest, isWhole: true }, fds));
    }
  }

  *#fill(table: Table, fds: number[]): Steps<Table> {
    table.fds = fds;
    table.isWhole = yield* isWholeList(table, this.#list);
    return table;
  }
}

/**
 * Lists the tables of processes.
 * @param pids - undefined for every process of /proc
 * @param first - a task whose table stands under that very id, and which is looked at even if not listed
 * @param list - how the descriptors of a task are read
 * @param before - how it was with that task before, where that was asked
 */
export function* scan(
  pids: readonly number[] | undefined,
  first: number | undefined = undefined,
  list: Lister = listOpen,
  before: Rest | undefined = undefined,
): Steps<Scan> {
  const found = new Scan(pids === undefined, first, list, before);
  const asked = pids ?? listProcesses();
  if (pids === undefined && !isListed(1)) found.account.skip(1, 'EPERM', 'process');
  yield* found.read(first === undefined || asked.includes(first) ? asked : [first, ...asked]);
  return found;
}
