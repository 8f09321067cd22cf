/** The descriptors of a scan that can be a target of an epoll instance at all, by inode. */
import type { EpollItem } from '../../procfs/epoll-items.ts';
import { isAnonymousLink } from '../../procfs/link.ts';
import type { Span } from '../../scan/columns.ts';
import type { Links } from '../../scan/link-columns.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Table } from '../../scan/tables.ts';
import { InodeReader } from './inode-number.ts';

/** To read the inode of one may take a tenth of a millisecond. */
const BETWEEN_PAUSES = 64;

/** One inode: its targets by their places in the list, and descriptors that may be one of them. */
export interface InodeClass {
  targets: number[];
  items: number[];
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
  inodeOf(item: number): number {
    const { ids, fds, links } = this.#links;
    return this.told ? this.#reader.read(ids[item] as number, fds[item] as number, links[item] ?? null) : 0;
  }

  /**
   * The inodes about which anything is open: those of descriptors that have not been found to be a target, and of
   * targets that have not been found.
   *
   * @param found - by target: the items that are its file, if any were found
   */
  *open(tables: readonly Table[], found: ReadonlyArray<readonly number[]>): Steps<InodeClass[]> {
    const { inodes } = this;
    const wanted = new Set(inodes);
    const taken = new Uint8Array(this.#links.fds.length);
    for (const items of found) for (const item of items) taken[item] = 1;
    const classes = new Map<number, InodeClass>();
    for (let i = 0; i < found.length; i++) if (found[i]?.length === 0) classOf(classes, inodes[i] as number);
    for (const { id } of tables) {
      for (const item of itemsOf(this.#links.spanOf(id))) {
        if (item % BETWEEN_PAUSES === 0) yield item / taken.length;
        if (taken[item] === 1) continue;
        const inode = this.inodeOf(item);
        if (wanted.has(inode)) classOf(classes, inode).items.push(item);
      }
    }
    return this.#withTargets(classes);
  }

  /**
   * The inodes that descriptors in these spans may have, with all that may be on them.
   * @param anew - targets whose inodes are among them in any case
   */
  *touched(tables: readonly Table[], spans: readonly Span[], anew: readonly number[]): Steps<InodeClass[]> {
    const wanted = new Set(this.inodes);
    const classes = new Map<number, InodeClass>();
    for (const target of anew) classOf(classes, this.inodes[target] as number);
    for (const span of spans) {
      for (const item of itemsOf(span)) {
        if (item % BETWEEN_PAUSES === 0) yield;
        const inode = this.inodeOf(item);
        if (wanted.has(inode)) classOf(classes, inode);
      }
    }
    for (const { id } of tables) {
      for (const item of itemsOf(this.#links.spanOf(id))) {
        if (item % BETWEEN_PAUSES === 0) yield;
        classes.get(this.inodeOf(item))?.items.push(item);
      }
    }
    return this.#withTargets(classes);
  }

  #withTargets(classes: Map<number, InodeClass>): InodeClass[] {
    if (classes.size === 0) return [];
    for (let i = 0; i < this.inodes.length; i++) classes.get(this.inodes[i] as number)?.targets.push(i);
    return [...classes.values()];
  }
}

function classOf(classes: Map<number, InodeClass>, inode: number): InodeClass {
  let known = classes.get(inode);
  if (known === undefined) classes.set(inode, (known = { targets: [], items: [] }));
  return known;
}

function* itemsOf({ start, end }: Span): Generator<number> {
  for (let item = start; item < end; item++) yield item;
}

/** Leaves out what shares the anonymous inode with files but is of another kind, such as a timerfd among eventfds. */
export function ofKinds({ links }: Links, files: ReadonlyArray<readonly number[]>, items: readonly number[]): number[] {
  const kinds = new Set(files.map((file) => links[file[0] as number]));
  return items.filter((item) => !isAnonymousLink(links[item] ?? null) || kinds.has(links[item]));
}
