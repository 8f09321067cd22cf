/** The descriptors of a scan that can be a target of an epoll instance at all, by inode. */
import type { EpollItem } from '../../procfs/epoll-items.ts';
import { isAnonymousLink } from '../../procfs/link.ts';
import type { Links } from '../../scan/link-columns.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Table } from '../../scan/tables.ts';
import { addTo } from '../../util/multimap.ts';
import { InodeReader } from './inode-number.ts';
import { gather, type Gathered } from './together/gathered.ts';
import { Listings } from './together/listings.ts';

/** To read the inode of one may take a tenth of a millisecond. */
const BETWEEN_PAUSES = 64;

/** Of so many instances those that watch one inode have what is open on it gathered once, if that is so much. */
const MANY_INSTANCES = 16;
const MANY_ITEMS = 64;

/** One inode: its targets by their places in the list, and descriptors that may be one of them. */
export interface InodeClass {
  targets: number[];
  items: readonly number[];
  /** Where many instances share them all: gathers them, once a look. */
  gather?: () => Steps<Gathered>;
}

/** The inodes of the descriptors of a scan, each read once a listing, for as many instances as are looked at. */
export class Inodes {
  readonly links: Links;
  readonly #reader = new InodeReader();
  /** By item; undefined where it was not read yet. */
  readonly #read: Array<number | undefined> = [];
  #index: Map<number, number[]> | undefined;
  /** How many instances are looked at. */
  readonly instances: number;
  readonly listings: Listings;
  readonly #gathered = new Map<number, Gathered>();

  constructor(links: Links, instances: number) {
    this.links = links;
    this.instances = instances;
    this.listings = new Listings(links);
  }

  /** The inode of an item, NaN when it could not be read. */
  of(item: number): number {
    const { ids, fds, links } = this.links;
    return (this.#read[item] ??= this.#reader.read(ids[item] as number, fds[item] as number, links[item] ?? null));
  }

  /** To be told before each look which tables were listed for it. */
  renew(tables: readonly Table[]): void {
    this.#index = undefined;
    this.#gathered.clear();
    this.listings.renew(tables);
  }

  /** Whether what is open on an inode is gathered for all. */
  areShared(items: readonly number[]): boolean {
    return this.instances >= MANY_INSTANCES && items.length >= MANY_ITEMS;
  }

  /** All that is open on an inode, gathered. */
  *gather(inode: number, items: readonly number[]): Steps<Gathered> {
    const known = this.#gathered.get(inode) ?? (yield* gather(this.links, items));
    this.#gathered.set(inode, known);
    return known;
  }

  /** The items of tables by their inodes; all under 0 where the kernel does not tell those of targets. */
  *index(tables: readonly Table[], told: boolean): Steps<ReadonlyMap<number, readonly number[]>> {
    if (this.#index !== undefined) return this.#index;
    const index = new Map<number, number[]>();
    const { length } = this.links;
    for (const { id } of tables) {
      const { start, end } = this.links.spanOf(id);
      for (let item = start; item < end; item++) {
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

  /** How many instances are looked at together. */
  get instances(): number {
    return this.#inodes.instances;
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
    const taken = new Uint8Array(this.#inodes.links.length);
    const missing = new Set<number>();
    for (const items of found) for (const item of items) taken[item] = 1;
    for (let i = 0; i < found.length; i++) if (found[i]?.length === 0) missing.add(this.inodes[i] as number);
    const index = yield* this.#inodes.index(tables, this.told);
    const classes = new Map<number, InodeClass>();
    const isOpen = (item: number): boolean => taken[item] === 0;
    for (const [i, inode] of [...new Set(this.inodes)].entries()) {
      if (i % BETWEEN_PAUSES === 0) yield;
      const items = index.get(inode) ?? [];
      if (missing.has(inode) || items.some(isOpen)) classes.set(inode, this.#classOf(inode, items, isOpen));
    }
    return this.#withTargets(classes);
  }

  /** The inodes of all that is or was open in some tables, or only of what is not what it was. */
  *touchedIn(open: readonly Table[], onlyChanged: boolean): Steps<ReadonlySet<number>> {
    if (!this.told) return new Set([0]);
    return yield* this.#inodes.listings.touchedIn(open, onlyChanged, (item) => this.#inodes.of(item));
  }

  /**
   * Those of targets among some inodes, with all that may be on them.
   * @param anew - targets whose inodes are among them in any case
   */
  *classes(tables: readonly Table[], inodes: ReadonlySet<number>, anew: readonly number[]): Steps<InodeClass[]> {
    const touched = new Set(anew.map((target) => this.inodes[target] as number));
    for (const inode of this.inodes) if (inodes.has(inode)) touched.add(inode);
    if (touched.size === 0) return [];
    const index = yield* this.#inodes.index(tables, this.told);
    const all = Array.from(touched, (inode): [number, InodeClass] => [
      inode,
      this.#classOf(inode, index.get(inode) ?? [], () => true),
    ]);
    return this.#withTargets(new Map(all));
  }

  #classOf(inode: number, items: readonly number[], isOpen: (item: number) => boolean): InodeClass {
    if (!this.#inodes.areShared(items)) return { targets: [], items: items.filter(isOpen) };
    return { targets: [], items, gather: () => this.#inodes.gather(inode, items) };
  }

  #withTargets(classes: ReadonlyMap<number, InodeClass>): InodeClass[] {
    if (classes.size === 0) return [];
    for (let i = 0; i < this.inodes.length; i++) classes.get(this.inodes[i] as number)?.targets.push(i);
    return [...classes.values()];
  }
}

/** Leaves out what shares the anonymous inode with files but is of another kind, such as a timerfd among eventfds. */
export function ofKinds({ links }: Links, files: ReadonlyArray<readonly number[]>, items: readonly number[]): number[] {
  const kinds = new Set(files.map((file) => links[file[0] as number]));
  return items.filter((item) => !isAnonymousLink(links[item] ?? null) || kinds.has(links[item]));
}
