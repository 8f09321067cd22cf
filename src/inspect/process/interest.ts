/**
 * What of all descriptors matters to a question about some processes: what is on an inode that they have something open
 * on, and what may be at another end. Flat arrays and no sets, since each of tens of thousands is asked about many times.
 */
import { S_IFCHR, S_IFMT, S_IFSOCK } from '../../procfs/kind.ts';
import type { OpenFiles } from '../../scan/inode-columns.ts';
import { type Steps, WALK } from '../../scan/steps.ts';
import type { Table } from '../../scan/tables.ts';

/** What stands for all that share the kernel's one anonymous inode, of which eventfds are told by their ids. */
const ANONYMOUS = -1;
const FDS = 2 ** 31;

/** A descriptor as a number, in the order of tasks and descriptors. */
export const placeOf = ({ ids, fds }: OpenFiles, item: number): number =>
  (ids[item] as number) * FDS + (fds[item] as number);

export class Interest {
  readonly #files: OpenFiles;
  readonly #ids: ReadonlySet<number>;
  readonly #keys = new Set<number>();
  /** By item: 0 not known yet, 1 of interest, 2 not. */
  readonly #known: Uint8Array;

  /** @param tables - those that are asked about */
  constructor(files: OpenFiles, tables: readonly Table[]) {
    this.#files = files;
    this.#ids = new Set(tables.map(({ id }) => id));
    this.#known = new Uint8Array(files.length);
    for (const item of files.itemsOf(tables)) this.#keys.add(this.#keyOf(item));
  }

  /** Whether an item is of a table that is asked about. */
  isOwn(item: number): boolean {
    return this.#ids.has(this.#files.ids[item] as number);
  }

  /** Whether an item is on an inode of interest. */
  has(item: number): boolean {
    const known = this.#known[item];
    if (known !== 0 && known !== undefined) return known === 1;
    const isOne = this.#keys.has(this.#keyOf(item));
    this.#known[item] = isOne ? 1 : 2;
    return isOne;
  }

  /**
   * What there is in a table, to be compared with what there is in it later.
   * @param leaders - by item: which one stands for its description
   * @param ends - the inodes of sockets that are other ends
   */
  *factsOf(table: Table, leaders: Float64Array, ends: ReadonlySet<number>): Steps<Float64Array> {
    const { fds, inos, modes } = this.#files;
    const { start, end } = this.#files.spanOf(table.id);
    const facts = new Float64Array((end - start) * 3);
    let length = 0;
    for (let item = start; item < end; item++) {
      if (item % WALK === 0) yield;
      const type = (modes[item] as number) & S_IFMT;
      const ino = inos[item] as number;
      if (!this.has(item) && type !== S_IFCHR && (type !== S_IFSOCK || !ends.has(ino))) continue;
      facts[length++] = fds[item] as number;
      facts[length++] = ino;
      facts[length++] = leaders[item] as number;
    }
    return facts.subarray(0, length);
  }

  /** Before ids of eventfds stand there and after it is the same. */
  #keyOf(item: number): number {
    return ((this.#files.modes[item] as number) & S_IFMT) === 0 ? ANONYMOUS : this.#files.keyOf(item);
  }
}

/** By item: the first of those that are one description, 0 for none. */
export function* leadersOf(files: OpenFiles, groups: ReadonlyArray<{ items: readonly number[] }>): Steps<Float64Array> {
  const leaders = new Float64Array(files.length);
  let walked = 0;
  for (const { items } of groups) {
    if (++walked % WALK === 0) yield;
    let leader = Infinity;
    for (const item of items) leader = Math.min(leader, placeOf(files, item));
    for (const item of items) leaders[item] = leader;
  }
  return leaders;
}

export const areAlike = (a: Float64Array, b: Float64Array): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);

/** The items of one description. */
export interface Group {
  items: number[];
  /** Which description it is was not told: it may be that of others. */
  isUntold?: true;
}

/** It is there, and kcmp(2) does not tell which description it is. */
const UNTOLD: ReadonlySet<string> = new Set(['EPERM', 'ENOSYS']);

/** @param dropped - why items could not be compared */
export const untoldIn = (dropped: ReadonlyMap<number, string>): Group[] =>
  [...dropped].filter(([, code]) => UNTOLD.has(code)).map(([item]) => ({ items: [item], isUntold: true }));
