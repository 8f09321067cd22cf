/** Who holds the descriptors of a snapshot: each task is described once, and one open folder of each tells links. */
import type { FileRef } from '../../binding/kcmp.ts';
import { readLink } from '../../procfs/fd.ts';
import type { Fdinfo } from '../../procfs/fdinfo.ts';
import { FdFolder } from '../../procfs/raw/fd-directory.ts';
import { EPOLL_LINK, INOTIFY_LINK, namesInode } from '../../procfs/link.ts';
import { refAt } from '../../scan/columns.ts';
import { describeHolder, describeTask, type Holder, isTask, type TaskInfo } from '../../scan/holder.ts';
import type { Table } from '../../scan/tables.ts';
import type { Snapshot } from './snapshot.ts';

/** So many folders are open at a time. */
const FOLDERS = 8;

export class Holding {
  readonly #snapshot: Snapshot;
  readonly #tables: ReadonlyMap<number, Table>;
  readonly #tasks = new Map<number, TaskInfo>();
  /** Of a pipe or a socket the link tells whether it still is the same. */
  readonly #holders = new Map<number, Holder>();
  readonly #folders = new Map<number, FdFolder | undefined>();

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.#tables = new Map(snapshot.scan.tables.map((table) => [table.id, table]));
  }

  close(): void {
    for (const folder of this.#folders.values()) folder?.close();
    this.#folders.clear();
  }

  /** What the link of an item reads now; null when it is gone or refused. */
  linkOf(item: number): string | null {
    const { pid, fd } = refAt(this.#snapshot.files, item);
    const read = this.#folderOf(pid)?.link(fd) ?? readLink(pid, fd);
    return typeof read === 'number' ? null : read;
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
    const known = same ? undefined : this.#holders.get(item);
    if (known !== undefined && link !== null && namesInode(link)) return this.linkOf(item) === link ? known : undefined;
    const table = this.#tables.get(pid);
    if (table === undefined) return undefined;
    let task = this.#tasks.get(pid);
    if (task === undefined) this.#tasks.set(pid, (task = describeTask(pid)));
    const isQuick = link !== EPOLL_LINK && link !== INOTIFY_LINK;
    const holder = describeHolder(table, fd, task, file, same, isQuick, info);
    if (holder !== undefined) this.#holders.set(item, holder);
    return same || this.linkOf(item) === link ? holder : undefined;
  }

  /** Whether all who were described are the same as they were, so that nobody's name stands beside another's file. */
  areSame(): boolean {
    return [...this.#tasks].every(([id, task]) => isTask(id, task));
  }
}
