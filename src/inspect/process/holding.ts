/**
 * Who holds the descriptors of a snapshot: each task is described once, and one open folder of each tells links. What was
 * read of a task that has not run since it was listed is read once; whether it has run meanwhile is asked afterwards.
 */
import type { FileRef } from '../../binding/kcmp.ts';
import { type FileStat, linkAt, seenFile, statIno } from '../../procfs/fd.ts';
import type { Fdinfo } from '../../procfs/fdinfo.ts';
import { FdFolder } from '../../procfs/raw/fd-directory.ts';
import { namesInode } from '../../procfs/link.ts';
import { refAt } from '../../scan/columns.ts';
import { describeHolder, describeTask, type Holder, isTask, type TaskInfo } from '../../scan/holder.ts';
import type { Table } from '../../scan/tables.ts';
import { readUnlessSlow } from '../open-file.ts';
import type { Snapshot } from './snapshot.ts';

/** A descriptor that was another file, or gone, when it was to be described. */
export interface Lost {
  /** Its task. */
  id: number;
  /** Whether it is told all the same, since it was surely the file before. */
  isTold: boolean;
}

/** So many folders are open at a time. */
const FOLDERS = 8;

interface HoldersAndLost {
  holders: Holder[];
  lost: Lost[];
}

/** Whether nobody ran who has a table, until all was settled. */
const hadRested = (table: Table | undefined): table is Table =>
  table?.rest !== undefined && table.sharedWith.length === 0;

export class Holding {
  readonly #snapshot: Snapshot;
  readonly #tables: ReadonlyMap<number, Table>;
  readonly #tasks = new Map<number, TaskInfo>();
  /** Of a pipe or a socket the link tells whether it still is the same. */
  readonly #holders = new Map<number, Holder>();
  readonly #links = new Map<number, string | null>();
  readonly #infos = new Map<number, Fdinfo>();
  readonly lost: Lost[] = [];
  /** Tables that were taken to hold still since {@link heldStill} was asked last. */
  readonly #still = new Set<Table>();
  /** Those that did not. */
  readonly #runners = new Set<Table>();
  /** Tasks that may have ended, and were told to have something since then. */
  readonly #named = new Set<number>();
  readonly #folders = new Map<number, FdFolder | undefined>();

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.#tables = new Map(snapshot.scan.tables.map((table) => [table.id, table]));
  }

  close(): void {
    for (const folder of this.#folders.values()) folder?.close();
    this.#folders.clear();
  }

  /** Before tables are listed anew. */
  forget(): void {
    this.#links.clear();
    this.#infos.clear();
    this.#holders.clear();
  }

  /**
   * Whether nobody ran who was taken not to, and no id was given to another task, whose name would stand beside a file of
   * the first. Otherwise all that was told since this was asked last is to be told again.
   */
  heldStill(): boolean {
    let isTrue = true;
    for (const table of this.#still) {
      if (this.#snapshot.scan.isStill(table)) continue;
      this.#runners.add(table);
      isTrue = false;
    }
    this.#still.clear();
    for (const id of this.#named) {
      if (isTask(id, this.#tasks.get(id) ?? {})) continue;
      this.#tasks.delete(id);
      isTrue = false;
    }
    this.#named.clear();
    return isTrue;
  }

  #isStill(table: Table | undefined): boolean {
    if (!hadRested(table) || this.#runners.has(table)) return false;
    this.#still.add(table);
    return true;
  }

  /** Whether it is, as far as is known, what it was when all was settled. */
  isStill(item: number): boolean {
    return this.#isStill(this.#tables.get(this.#snapshot.files.ids[item] as number));
  }

  /** What the link of an item reads now; null when it cannot be read, undefined when it is gone. */
  linkOf(item: number): string | null | undefined {
    const { pid, fd } = refAt(this.#snapshot.files, item);
    const known = this.#isStill(this.#tables.get(pid)) ? this.#links.get(item) : undefined;
    if (known !== undefined) return known;
    const link = linkAt(pid, fd, this.#folderOf(pid));
    if (link !== undefined) this.#links.set(item, link);
    return link;
  }

  /** What statx(2) says about it now, or the errno's name. */
  statOf(item: number): FileStat | string {
    const { pid, fd } = refAt(this.#snapshot.files, item);
    return this.#folderOf(pid)?.stat(fd) === 0 ? seenFile() : statIno(pid, fd);
  }

  #folderOf(pid: number): FdFolder | undefined {
    if (this.#folders.has(pid)) return this.#folders.get(pid);
    if (this.#folders.size === FOLDERS) this.close();
    const folder = FdFolder.open(pid, 'fd');
    this.#folders.set(pid, folder);
    return folder;
  }

  /** The holder of an item that is, or is not, the file of a descriptor; undefined when it is another one by now. */
  describe(item: number, file: FileRef, link: string | null, same: boolean, info?: Fdinfo): Holder | undefined {
    const { pid, fd } = refAt(this.#snapshot.files, item);
    const table = this.#tables.get(pid);
    const isStill = this.#isStill(table);
    const known = same && !isStill ? undefined : this.#holders.get(item);
    if (known !== undefined && isStill) return known;
    if (known !== undefined && link !== null && namesInode(link)) return this.linkOf(item) === link ? known : undefined;
    if (table === undefined) return undefined;
    if (!isStill) this.#named.add(pid);
    let task = this.#tasks.get(pid);
    if (task === undefined) this.#tasks.set(pid, (task = describeTask(pid)));
    const subject = isStill && this.#isStill(this.#tables.get(file.pid)) ? undefined : { file, same };
    const read = info ?? this.infoOf(item, link);
    const holder = describeHolder(table, fd, task, subject, false, typeof read === 'string' ? undefined : read);
    if (holder !== undefined) this.#holders.set(item, holder);
    return same || this.linkOf(item) === link ? holder : undefined;
  }

  /**
   * The holders of one description, by an item that is it. Where that one has not run since all was settled, the others
   * had it then; who has not by now is told without what could be read of it.
   */
  describeAll(items: readonly number[], item: number, link: string | null, read: Fdinfo | string): HoldersAndLost {
    const { files } = this.#snapshot;
    const file = refAt(files, item);
    const [holders, lost]: [Holder[], Lost[]] = [[], []];
    for (const other of items) {
      const ref = refAt(files, other);
      const info = other === item && typeof read !== 'string' ? read : undefined;
      const holder = this.describe(other, file, link, true, info);
      const isTold = holder === undefined && this.isStill(item) && hadRested(this.#tables.get(ref.pid));
      if (holder === undefined) lost.push({ id: ref.pid, isTold });
      if (holder !== undefined || isTold) holders.push(holder ?? ref);
    }
    return { holders, lost };
  }

  /** Its fdinfo, or why there is none; '' where to read it is to wait, or long. */
  infoOf(item: number, link: string | null): Fdinfo | string {
    const ref = refAt(this.#snapshot.files, item);
    const known = this.#isStill(this.#tables.get(ref.pid)) ? this.#infos.get(item) : undefined;
    if (known !== undefined) return known;
    const info = readUnlessSlow(ref, link);
    if (typeof info !== 'string') this.#infos.set(item, info);
    return info;
  }

  /** How an item that holds still was opened, undefined where it may not. */
  modeOf(item: number, file: FileRef): Holder['mode'] {
    return this.isStill(item) ? this.describe(item, file, this.linkOf(item) ?? null, false)?.mode : undefined;
  }
}
