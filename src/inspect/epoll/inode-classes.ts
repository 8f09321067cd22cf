/** The descriptors of a scan that can be a target of an epoll instance at all, by inode. */
import type { EpollItem } from '../../procfs/epoll-items.ts';
import type { Span } from '../../scan/columns.ts';
import type { Links } from '../../scan/link-columns.ts';
import type { Table } from '../../scan/tables.ts';
import { InodeReader } from './inode-number.ts';

/** One inode: its targets by their places in the list, and descriptors that may be one of them. */
export interface InodeClass {
  inode: number;
  targets: number[];
  /** Items of the process asked about. */
  own: number[];
  /** Items of all other tables. */
  others: number[];
}

/** The targets' inodes against those of descriptors. */
export class Candidates {
  /** By target; all 0 where the kernel does not tell. */
  readonly inodes: Float64Array;
  readonly #links: Links;
  /** Whether the kernel tells inodes: since Linux 4.13. */
  readonly told: boolean;
  readonly #reader = new InodeReader();

  constructor(links: Links, targets: readonly EpollItem[]) {
    this.#links = links;
    this.told = targets.every(({ ino }) => ino !== undefined);
    this.inodes = new Float64Array(targets.length);
    if (this.told) for (let i = 0; i < targets.length; i++) this.inodes[i] = Number(targets[i]?.ino);
  }

  /** The inode of an item, NaN when it could not be read. */
  readonly inodeOf = (item: number): number => {
    const { ids, fds, links } = this.#links;
    return this.told ? this.#reader.read(ids[item] as number, fds[item] as number, links[item] ?? null) : 0;
  };

  /**
   * The inodes about which anything is open: those of descriptors that have not been found to be a target, and of
   * targets that have not been found.
   *
   * @param found - by target: the items that are its file, if any were found
   */
  open(tables: readonly Table[], pid: number, found: ReadonlyArray<readonly number[]>): Iterable<InodeClass> {
    const { inodes } = this;
    const wanted = new Set(inodes);
    const taken = new Uint8Array(this.#links.fds.length);
    for (const items of found) for (const item of items) taken[item] = 1;
    const classes = new Map<number, InodeClass>();
    const classOf = (inode: number): InodeClass => {
      let known = classes.get(inode);
      if (known === undefined) classes.set(inode, (known = { inode, targets: [], own: [], others: [] }));
      return known;
    };
    for (let i = 0; i < found.length; i++) if (found[i]?.length === 0) classOf(inodes[i] as number);
    for (const { id } of tables) {
      const { start, end }: Span = this.#links.spanOf(id);
      for (let item = start; item < end; item++) {
        if (taken[item] === 1) continue;
        const inode = this.inodeOf(item);
        if (wanted.has(inode)) classOf(inode)[id === pid ? 'own' : 'others'].push(item);
      }
    }
    if (classes.size > 0) for (let i = 0; i < inodes.length; i++) classes.get(inodes[i] as number)?.targets.push(i);
    return classes.values();
  }
}
