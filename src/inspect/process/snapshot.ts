/**
 * All descriptors of the machine at one moment, by open file description, of which those are named that are on an inode
 * that some processes have something open on.
 */
import { refAt } from '../../scan/columns.ts';
import { OpenFiles } from '../../scan/inode-columns.ts';
import { settle } from '../../scan/settle.ts';
import { type Steps, WALK } from '../../scan/steps.ts';
import { type Scan, scan, type Table } from '../../scan/tables.ts';
import { isSocketLink } from '../../procfs/link.ts';
import { readLink } from '../../procfs/fd.ts';
import { FdFolder } from '../../procfs/raw/fd-directory.ts';
import { S_IFCHR, S_IFMT, S_IFSOCK } from '../../procfs/kind.ts';
import { addTo } from '../../util/multimap.ts';
import { FoundGroups } from '../groups/found.ts';
import type { NameOf } from '../groups/name.ts';
import type { SubjectFacts } from '../holders/subject.ts';

/** It is there, and kcmp(2) does not tell which description it is. */
const UNTOLD: ReadonlySet<string> = new Set(['EPERM', 'ENOSYS']);

/** The items of one description. */
export interface Group {
  items: number[];
}

/** To name all that there is would take longer than all the rest. */
const nameless: NameOf = (_, items) => ({ kind: 'unknown', link: null, name: null, by: items[0] as number });

export class Snapshot {
  readonly files: OpenFiles;
  readonly scan: Scan;
  readonly #pids: ReadonlySet<number>;
  readonly #found: FoundGroups;
  #keys: ReadonlySet<number> | undefined;
  /** The inodes of sockets that are other ends. */
  ends: ReadonlySet<number> = new Set();
  readonly #facts = new Map<Table, string>();
  /** By inode: one inode is one socket for as long as it is open. */
  readonly #sockets = new Map<number, SubjectFacts & { link: string; dev: number }>();

  private constructor(files: OpenFiles, seen: Scan, pids: ReadonlySet<number>) {
    this.files = files;
    this.scan = seen;
    this.#pids = pids;
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
    return new Snapshot(files, yield* scan(where, asked, (id) => files.list(id)), pids);
  }

  /** The tables that are asked about. */
  tables(): Table[] {
    const isAsked = (id: number): boolean => this.#pids.has(id);
    return this.scan.tables.filter(
      ({ id, pid, sharedWith }) => isAsked(id) || isAsked(pid) || sharedWith.some(isAsked),
    );
  }

  /** Looks until all is true of one moment; returns the tables that changed all the while. */
  *settle(): Steps<ReadonlySet<Table>> {
    return yield* settle(this.scan, (open, isCareful) => this.#look(open, isCareful));
  }

  /** What others open and close that is of no interest here does not count as a change. */
  *#look(open: readonly Table[], isCareful: boolean): Steps<ReadonlySet<Table>> {
    this.#keys = undefined;
    const moved = yield* this.#found.look(open, isCareful);
    const leaders = yield* this.#leaders();
    const changed = new Set<Table>();
    for (const table of this.scan.tables) {
      yield;
      const before = this.#facts.get(table);
      const facts = this.#factsOf(table, leaders);
      this.#facts.set(table, facts);
      if (moved.has(table) && (!table.isWhole || (before !== undefined && before !== facts))) changed.add(table);
    }
    return changed;
  }

  /** Of items on the inodes of interest: which one stands for its description. */
  *#leaders(): Steps<Map<number, number>> {
    const leaders = new Map<number, number>();
    for (const [i, { items }] of this.#found.groups.entries()) {
      if (i % WALK === 0) yield;
      if (!this.#isKey(items[0] as number)) continue;
      const leader = Math.min(...items.map((item) => this.#place(item)));
      for (const item of items) leaders.set(item, leader);
    }
    return leaders;
  }

  #factsOf({ id }: Table, leaders: ReadonlyMap<number, number>): string {
    const { fds, inos, modes } = this.files;
    const facts: Array<number | undefined> = [];
    for (const item of this.files.itemsOf([{ id }])) {
      const type = (modes[item] as number) & S_IFMT;
      const isEnd = type === S_IFCHR || (type === S_IFSOCK && this.ends.has(inos[item] as number));
      if (isEnd || this.#isKey(item)) facts.push(fds[item], inos[item], leaders.get(item));
    }
    return facts.join();
  }

  /** Counts what could not be looked at: what changed all the while, and on these inodes what could not be compared. */
  count(unsettled: ReadonlySet<Table>): void {
    const { account } = this.scan;
    for (const { id, fds } of unsettled) account.skip(id, 'EAGAIN', 'descriptor', fds.length || 1);
    for (const [item, code] of this.#found.dropped)
      if (this.#isKey(item)) account.skip(this.files.ids[item] as number, code, 'descriptor');
  }

  /** Those that are asked about: what nobody can tell apart stands by itself. */
  *groups(unsettled: ReadonlySet<Table>): Steps<Group[]> {
    yield* this.#found.leaveOut(unsettled);
    const { files } = this;
    const own = new Set(this.tables().map(({ id }) => id));
    const isOwn = (item: number): boolean => own.has(files.ids[item] as number);
    const groups: Group[] = [];
    let walked = 0;
    for (const group of this.#found.groups) {
      if (++walked % WALK === 0) yield;
      if (group.items.some(isOwn)) groups.push(group);
    }
    for (const [item, code] of this.#found.dropped) if (UNTOLD.has(code) && isOwn(item)) groups.push({ items: [item] });
    for (const { items } of groups) items.sort((a, b) => this.#place(a) - this.#place(b));
    const places = new Map(groups.map((group) => [group, this.#place(group.items.find(isOwn) as number)]));
    return groups.sort((a, b) => (places.get(a) as number) - (places.get(b) as number));
  }

  /** Other groups on the inodes of those that are asked about, by {@link OpenFiles.keyOf}. */
  *neighbours(): Steps<Map<number, Group[]>> {
    const groups = new Map<number, Group[]>();
    for (const [i, group] of this.#found.groups.entries()) {
      if (i % WALK === 0) yield;
      const [first = 0] = group.items;
      if (this.#isKey(first)) addTo(groups, this.files.keyOf(first), group);
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

  /** All items of some mode: sockets, or devices. */
  *itemsOfMode(mode: number): Steps<number[]> {
    const items: number[] = [];
    const { files } = this;
    let walked = 0;
    for (const item of files.itemsOf(this.scan.tables)) {
      if (++walked % WALK === 0) yield;
      if (((files.modes[item] as number) & S_IFMT) === mode) items.push(item);
    }
    return items;
  }

  #place(item: number): number {
    return (this.files.ids[item] as number) * 2 ** 31 + (this.files.fds[item] as number);
  }

  #isKey(item: number): boolean {
    if (this.#keys === undefined) {
      const keys = new Set<number>();
      for (const one of this.files.itemsOf(this.tables())) keys.add(this.files.keyOf(one));
      this.#keys = keys;
    }
    return this.#keys.has(this.files.keyOf(item));
  }
}
