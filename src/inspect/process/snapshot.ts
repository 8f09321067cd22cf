/**
 * All descriptors of the machine at one moment, by open file description, of which those are named that are on an inode
 * that some processes have something open on.
 */
import { refAt } from '../../scan/columns.ts';
import { OpenFiles } from '../../scan/inode-columns.ts';
import { readMoved, settle } from '../../scan/settle.ts';
import { type Steps, WALK } from '../../scan/steps.ts';
import { type Scan, scan, type Table } from '../../scan/tables.ts';
import { isSocketLink } from '../../procfs/link.ts';
import { readLink } from '../../procfs/fd.ts';
import { readProcess } from '../../procfs/status.ts';
import { FdFolder } from '../../procfs/raw/fd-directory.ts';
import { S_IFMT, S_IFSOCK } from '../../procfs/kind.ts';
import { addTo } from '../../util/multimap.ts';
import { FoundGroups } from '../groups/found.ts';
import type { NameOf } from '../groups/name.ts';
import type { SubjectFacts } from '../holders/subject.ts';
import { areAlike, type Group, Interest, leadersOf, placeOf, untoldIn } from './interest.ts';

/** To name all that there is would take longer than all the rest. */
const nameless: NameOf = (_, items) => ({ kind: 'unknown', link: null, name: null, by: items[0] as number });

export class Snapshot {
  readonly files: OpenFiles;
  readonly scan: Scan;
  readonly #pids: ReadonlySet<number>;
  readonly #found: FoundGroups;
  #interest: Interest | undefined;
  /** The inodes of sockets that are other ends. */
  ends: ReadonlySet<number> = new Set();
  readonly #facts = new Map<Table, Float64Array>();
  /** By inode: one inode is one socket for as long as it is open. */
  readonly #sockets = new Map<number, SubjectFacts & { link: string; dev: number }>();
  /** What is asked about, where that is a thread and no process. */
  readonly #thread: number | undefined;

  private constructor(files: OpenFiles, seen: Scan, asked: number, pids: ReadonlySet<number>) {
    this.#thread = readProcess(asked) === asked ? undefined : asked;
    this.files = files;
    this.scan = seen;
    this.#pids = pids;
    files.leavesOut = (item) => !this.#isOne(item);
    files.isSought = (item) => this.#interested().isOwn(item);
    this.#found = new FoundGroups(files, seen, 1, nameless);
  }

  /**
   * Lists all tables that there are.
   * @param asked - a task whose table stands under that very id
   * @param pids - whose descriptors are wanted
   * @param where - the processes to look at; undefined for every process
   */
  static *read(asked: number, pids: ReadonlySet<number>, where: readonly number[] | undefined): Steps<Snapshot> {
    const files = new OpenFiles();
    return new Snapshot(files, yield* scan(where, asked, (id) => files.list(id)), asked, pids);
  }

  /** The tables that are asked about. */
  tables(): Table[] {
    const isAsked = (id: number): boolean => this.#pids.has(id);
    // A thread that is asked about stands for its process, whose other tables it has not.
    const isProcess = (pid: number): boolean => isAsked(pid) && pid !== this.#thread;
    return this.scan.tables.filter(
      ({ id, pid, sharedWith }) => isAsked(id) || isProcess(pid) || sharedWith.some(isAsked),
    );
  }

  /** Looks until all is true of one moment; returns the tables that changed all the while. */
  *settle(): Steps<ReadonlySet<Table>> {
    return yield* settle(this.scan, (open, isCareful) => this.#look(open, isCareful));
  }

  /** Looks once more at whatever may have changed since. */
  *lookAgain(): Steps<void> {
    yield* this.#look(yield* readMoved(this.scan), true);
  }

  /** What others open and close that is of no interest here does not count as a change. */
  *#look(open: readonly Table[], isCareful: boolean): Steps<ReadonlySet<Table>> {
    this.#interest = undefined;
    const moved = yield* this.#found.look(open, isCareful);
    const interest = this.#interested();
    const leaders = yield* leadersOf(this.files, this.#found.groups);
    const changed = new Set<Table>();
    for (const table of this.scan.tables) {
      yield;
      const before = this.#facts.get(table);
      const facts = yield* interest.factsOf(table, leaders, this.ends);
      this.#facts.set(table, facts);
      const isOther = before !== undefined && !areAlike(before, facts);
      // What was listed and is closed when it is compared has moved, although each look may find it so.
      const isSeen = table.isWhole && !this.#found.gone.has(table.id);
      if (moved.has(table) && (!isSeen || isOther)) changed.add(table);
    }
    return changed;
  }

  /** Counts what could not be looked at: what changed all the while, and on these inodes what could not be compared. */
  count(unsettled: ReadonlySet<Table>): void {
    const { account } = this.scan;
    for (const { id, fds } of unsettled) account.skip(id, 'EAGAIN', 'descriptor', fds.length || 1);
    for (const [item, code] of this.#found.dropped)
      if (this.#isOne(item)) account.skip(this.files.ids[item] as number, code, 'descriptor');
  }

  /** Those that are asked about: what nobody can tell apart stands by itself. */
  *groups(unsettled: ReadonlySet<Table>): Steps<Group[]> {
    yield* this.#found.leaveOut(unsettled);
    const { files } = this;
    const isOwn = (item: number): boolean => this.#interested().isOwn(item);
    const groups: Group[] = [];
    let walked = 0;
    for (const group of this.#found.groups) {
      if (++walked % WALK === 0) yield;
      if (group.items.some(isOwn)) groups.push(group);
    }
    groups.push(...untoldIn(this.#found.dropped).filter(({ items }) => isOwn(items[0] as number)));
    for (const { items } of groups) items.sort((a, b) => placeOf(files, a) - placeOf(files, b));
    const places = new Map(groups.map((group) => [group, placeOf(files, group.items.find(isOwn) as number)]));
    return groups.sort((a, b) => (places.get(a) as number) - (places.get(b) as number));
  }

  /** Other groups on the inodes of those that are asked about, by {@link OpenFiles.keyOf}. */
  *neighbours(): Steps<Map<number, Group[]>> {
    const groups = new Map<number, Group[]>();
    let walked = 0;
    for (const group of [...this.#found.groups, ...untoldIn(this.#found.dropped)]) {
      if (++walked % WALK === 0) yield;
      const first = group.items[0] as number;
      if (this.#isOne(first)) addTo(groups, this.files.keyOf(first), group);
    }
    return groups;
  }

  /** The sockets that are asked about, each once. */
  *sockets(): Steps<SubjectFacts[]> {
    const sockets = new Map<string, SubjectFacts>();
    const { files } = this;
    for (const table of this.tables()) {
      const folder = FdFolder.open(table.id, 'fd');
      try {
        for (const item of files.itemsOf([table])) {
          const mode = files.modes[item] as number;
          if ((mode & S_IFMT) !== S_IFSOCK) continue;
          yield;
          const dev = files.devs[item] as number;
          const ino = files.inos[item] as number;
          const known = this.#sockets.get(ino);
          if (known?.dev === dev) {
            sockets.set(known.link, known);
            continue;
          }
          const file = refAt(files, item);
          const link = folder?.link(file.fd) ?? readLink(file.pid, file.fd);
          if (typeof link !== 'string' || !isSocketLink(link)) continue;
          const socket = { file, link, dev, inode: { dev, ino: BigInt(ino), mode, rdev: 0 } };
          this.#sockets.set(ino, socket);
          sockets.set(link, socket);
        }
      } finally {
        folder?.close();
      }
    }
    return [...sockets.values()];
  }

  /** All items of some type: sockets, devices, or what is anonymous. */
  *itemsOfType(tables: readonly Table[], ...types: number[]): Steps<number[]> {
    const items: number[] = [];
    const { files } = this;
    let walked = 0;
    for (const item of files.itemsOf(tables)) {
      if (++walked % WALK === 0) yield;
      if (types.includes((files.modes[item] as number) & S_IFMT)) items.push(item);
    }
    return items;
  }

  /** Whether an item is on an inode of interest. */
  #isOne(item: number): boolean {
    return this.#interested().has(item);
  }

  #interested(): Interest {
    return (this.#interest ??= new Interest(this.files, this.tables()));
  }
}
