/** The descriptors of a scan that can be a target of an epoll instance at all, by inode. */
import type { EpollItem } from '../../procfs/epoll-items.ts';
import { isAnonymousLink } from '../../procfs/link.ts';
import type { Span } from '../../scan/columns.ts';
import type { Links } from '../../scan/link-columns.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Table } from '../../scan/tables.ts';
import { addTo } from '../../util/multimap.ts';
import { InodeReader } from './inode-number.ts';

/** To read the inode of one may take a tenth of a millisecond. */
const BETWEEN_PAUSES = 64;

/** One inode: its targets by their places in the list, and descriptors that may be one of them. */
export interface InodeClass {
  targets: number[];
  items: number[];
}

/** The inodes of the descriptors of a scan, each read once a listing, for as many instances as are looked at. */
export class Inodes {
  readonly links: Links;
  readonly #reader = new InodeReader();
  /** By item; undefined where it was not read yet. */
  readonly #read: Array<number | undefined> = [];
  #index: Map<number, number[]> | undefined;

  constructor(links: Links) {
    this.links = links;
  }

  /** The inode of an item, NaN when it could not be read. */
  of(item: number): number {
    const { ids, fds, links } = this.links;
    return (this.#read[item] ??= this.#reader.read(ids[item] as number, fds[item] as number, links[item] ?? null));
  }

  /** To be told that tables were listed again. */
  renew(): void {
    this.#index = undefined;
  }

  /** The items of tables by their inodes; all under 0 where the kernel does not tell those of targets. */
  *index(tables: readonly Table[], told: boolean): Steps<ReadonlyMap<number, readonly number[]>> {
    if (this.#index !== undefined) return this.#index;
    const index = new Map<number, number[]>();
    const { length } = this.links;
    for (const { id } of tables) {
      for (const item of itemsOf(this.links.spanOf(id))) {
        if (item % BETWEEN_PAUSES === 0) yield item / length;
        addTo(index, told ? this.of(item) : 0, item);
      }
    }
    return (this.#index = index);
  }
}

/** The targets' inodes against those of descriptors. */
export class Candidates {
  /** By target; all 0 where the kernel does not tell. */
  readonly inodes: Float64Array;
  /** Whether the kernel tells inodes: since Linux 4.13. */
  readonly told: boolean;
  readonly #inodes: Inodes;

  constructor(inodes: Inodes, targets: readonly EpollItem[]) {
    this.#inodes = inodes;
    this.told = targets.every(({ ino }) => ino !== undefined);
    this.inodes = new Float64Array(targets.length);
    if (this.told) for (let i = 0; i < targets.length; i++) this.inodes[i] = Number(targets[i]?.ino);
  }

  /** The inode of an item, NaN when it could not be read. */
  inodeOf(item: number): number {
    return this.told ? this.#inodes.of(item) : 0;
  }

  /**
   * The inodes about which anything is open: those of descriptors that have not been found to be a target, and of
   * targets that have not been found.
   *
   * @param found - by target: the items that are its file, if any were found
   */
  *open(tables: readonly Table[], found: ReadonlyArray<readonly number[]>): Steps<InodeClass[]> {
    const taken = new Set<number>();
    const missing = new Set<number>();
    for (const items of found) for (const item of items) taken.add(item);
    for (let i = 0; i < found.length; i++) if (found[i]?.length === 0) missing.add(this.inodes[i] as number);
    const index = yield* this.#inodes.index(tables, this.told);
    const classes = new Map<number, InodeClass>();
    for (const inode of new Set(this.inodes)) {
      const items = (index.get(inode) ?? []).filter((item) => !taken.has(item));
      if (items.length > 0 || missing.has(inode)) classes.set(inode, { targets: [], items });
      if (classes.size % BETWEEN_PAUSES === 0) yield;
    }
    return this.#withTargets(classes);
  }

  /**
   * The inodes that descriptors in these spans may have, with all that may be on them.
   * @param anew - targets whose inodes are among them in any case
   */
  *touched(tables: readonly Table[], spans: readonly Span[], anew: readonly number[]): Steps<InodeClass[]> {
    const wanted = new Set(this.inodes);
    const touched = new Set(anew.map((target) => this.inodes[target] as number));
    for (const span of spans) {
      for (const item of itemsOf(span)) {
        if (item % BETWEEN_PAUSES === 0) yield;
        const inode = this.inodeOf(item);
        if (wanted.has(inode)) touched.add(inode);
      }
    }
    const index = yield* this.#inodes.index(tables, this.told);
    const all = Array.from(touched, (inode): [number, InodeClass] => [
      inode,
      { targets: [], items: [...(index.get(inode) ?? [])] },
    ]);
    return this.#withTargets(new Map(all));
  }

  #withTargets(classes: ReadonlyMap<number, InodeClass>): InodeClass[] {
    if (classes.size === 0) return [];
    for (let i = 0; i < this.inodes.length; i++) classes.get(this.inodes[i] as number)?.targets.push(i);
    return [...classes.values()];
  }
}

function* itemsOf({ start, end }: Span): Generator<number> {
  for (let item = start; item < end; item++) yield item;
}

/** Leaves out what shares the anonymous inode with files but is of another kind, such as a timerfd among eventfds. */
export function ofKinds({ links }: Links, files: ReadonlyArray<readonly number[]>, items: readonly number[]): number[] {
  const kinds = new Set(files.map((file) => links[file[0] as number]));
  return items.filter((item) => !isAnonymousLink(links[item] ?? null) || kinds.has(links[item]));
}
