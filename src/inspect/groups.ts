/** The open file table of many processes: their descriptors, gathered by open file description. */
import { badRange, badType, isInt31 } from '../binding/arguments.ts';
import { errnoName } from '../binding/errors.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { DescriptionOrder, kcmpItems, refAt } from '../descriptions/order.ts';
import { isPlainSocket } from '../descriptions/without-kcmp.ts';
import { readLink } from '../procfs/fd.ts';
import { type FileKind, kindAt } from '../procfs/kind.ts';
import { checkProc } from '../procfs/root.ts';
import type { Account, Coverage } from '../scan/coverage.ts';
import { OpenFiles } from '../scan/inode-columns.ts';
import { checkScan, type ScanOptions } from '../scan/options.ts';
import { scan, type Table } from '../scan/tables.ts';
import { membersOf } from '../util/merge-sort.ts';
import { gather, splitEventfds } from './groups/inode-buckets.ts';

/** One open file description, and every descriptor that refers to it. */
export interface FileGroup {
  /** 1, 2, … in the order of lowest pid, then fd; good within one report only. */
  id: number;
  kind: FileKind;
  link: string | null;
  holders: FileRef[];
}

/** The open file descriptions that {@link groupFiles} found. */
export interface GroupReport {
  groups: FileGroup[];
  /** Processes that share one whole descriptor table: listed under `pid`, the others named. */
  sharedTables: Array<{ pid: number; sharedWith: number[] }>;
  coverage: Coverage;
}

/** Options of {@link groupFiles}. */
export interface GroupOptions extends ScanOptions {
  /** Groups of fewer holders are left out; 2 when left out. */
  minHolders?: number;
}

const { ENOENT } = process.getBuiltinModule('node:os').constants.errno;

/**
 * `kcmp(…, KCMP_FILE, …)` over many descriptors — which of them share an open file description?
 *
 * Inodes are looked at first; only descriptors of one inode are compared.
 *
 * @param options.pids - the processes to look at; every process of /proc when left out
 * @param options.minHolders - smaller groups are left out: 1 … 2^31−1, 2 when left out
 * @param options.onProgress - told of every process that was looked at
 * @returns one group a description, numbered by lowest pid, then fd; processes that share a whole table are listed once
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` — a bad argument
 * @throws Error `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`, `ERR_KOFFI_UNAVAILABLE`, `ERR_PROC_UNAVAILABLE`; never because
 *   a process ended or refused, which `coverage` counts
 * @since Linux 3.5
 * @see kernel/kcmp.c
 */
export function groupFiles(options?: GroupOptions): GroupReport {
  const { pids, onProgress } = checkScan(options);
  const { minHolders = 2 } = options ?? {};
  if (typeof minHolders !== 'number') throw badType('options.minHolders', 'of type number', minHolders);
  if (!isInt31(minHolders) || minHolders < 1)
    throw badRange('options.minHolders', 'an integer >= 1 && <= 2147483647', minHolders);
  checkProc();
  const files = new OpenFiles();
  const { tables, account, comparable } = scan(pids, onProgress, undefined, files.list);
  tables.sort((a, b) => a.id - b.id);
  const { ids, fds } = files;
  const byPlace = (a: number, b: number): number =>
    (ids[a] as number) - (ids[b] as number) || (fds[a] as number) - (fds[b] as number);
  const groups = new Grouping(files, tables, account, minHolders).run(comparable);
  for (const items of groups) items.sort(byPlace);
  return {
    groups: groups
      .sort((a, b) => byPlace(a[0] as number, b[0] as number))
      .map((items, i) => describe(i + 1, items, files)),
    sharedTables: tables
      .filter(({ sharedWith }) => sharedWith.length > 0)
      .map(({ id, sharedWith }) => ({ pid: id, sharedWith })),
    coverage: account.toCoverage(),
  };
}

class Grouping {
  readonly #files: OpenFiles;
  readonly #tables: readonly Table[];
  readonly #account: Account;
  readonly #minHolders: number;
  /** By item: the next of those that are known to be the same without any sorting, or -1. */
  readonly #alike: Int32Array;
  /** Items whose stand-in could not be compared. */
  readonly #orphans: number[] = [];
  readonly #groups: number[][] = [];

  constructor(files: OpenFiles, tables: readonly Table[], account: Account, minHolders: number) {
    this.#files = files;
    this.#tables = tables;
    this.#account = account;
    this.#minHolders = minHolders;
    this.#alike = new Int32Array(files.length).fill(-1);
  }

  run(comparable: boolean): number[][] {
    const files = this.#files;
    const items = this.#distinct();
    if (comparable) splitEventfds(files, items);
    const { heads, next } = gather(files, items);
    const order = new DescriptionOrder(files, this.#skip);
    for (const head of heads) {
      const second = next[head] as number;
      if (second === -1) this.#add(head, null);
      else if (!comparable) this.#addWithoutKcmp(head, next);
      else if (next[second] !== -1 || !this.#addPair(head, second, next))
        this.#addSorted(Int32Array.from(membersOf({ next }, head)), order);
    }
    return this.#groups;
  }

  readonly #skip = (item: number, code: string): void => {
    this.#account.skip(this.#files.ids[item] as number, code, 'descriptor');
    // Those it stood for have to be told by themselves.
    const alike = this.#alike;
    for (let last = item, other = alike[item] as number; other !== -1; last = other, other = alike[other] as number) {
      alike[last] = -1;
      this.#orphans.push(other);
    }
  };

  #addSorted(items: Int32Array, order: DescriptionOrder): void {
    let grouped = order.group(items);
    while (this.#orphans.length > 0) {
      items = Int32Array.from([...items, ...this.#orphans.splice(0)]);
      grouped = order.group(items);
    }
    for (const leader of grouped.leaders) this.#add(leader, grouped.next);
  }

  /** What is left to be told apart: all but those that a second look confirms to be what a parent had under their number. */
  #distinct(): Int32Array {
    const files = this.#files;
    const items = new Int32Array(files.length);
    // The table of an origin may have been dropped as shared; then the first that had the same stands for it.
    const standIns = new Int32Array(files.length).fill(-1);
    let count = 0;
    for (const { id } of this.#tables) {
      const { start, end } = files.spanOf(id);
      for (let item = start; item < end; item++) {
        const origin = files.origins[item] as number;
        const standIn = standIns[origin] as number;
        if (standIn === -1) standIns[origin] = item;
        else if ((files.inos[standIn] as number) >= 0 && kcmpItems(files, standIn, item) === 0) {
          this.#alike[item] = this.#alike[standIn] as number;
          this.#alike[standIn] = item;
          continue;
        } else files.refresh(item);
        const ino = files.inos[item] as number;
        if (ino < 0) this.#skip(item, ino === -ENOENT ? 'EBADF' : errnoName(ino));
        else items[count++] = item;
      }
    }
    return items.subarray(0, count);
  }

  /** Two of one inode, such as the ends of a pipe, need no sorting; false when they could not be told. */
  #addPair(a: number, b: number, next: Int32Array): boolean {
    const result = kcmpItems(this.#files, a, b);
    if (result < 0 || (result === 0 && kcmpItems(this.#files, a, b) !== 0)) return false;
    if (result === 0) {
      this.#add(a, next);
    } else {
      this.#add(a, null);
      this.#add(b, null);
    }
    return true;
  }

  /** Without kcmp only sockets can be told, since one inode of theirs is one description. */
  #addWithoutKcmp(head: number, next: Int32Array): void {
    const items = membersOf({ next }, head);
    const known = items.filter((item) => isPlainSocket(refAt(this.#files, item)));
    if (known.length > 0 && known.length >= this.#minHolders) this.#groups.push(known);
    for (const item of items) if (!known.includes(item)) this.#skip(item, 'EPERM');
  }

  /** @param next - the chain of `leader`; null when it stands alone */
  #add(leader: number, next: Int32Array | null): void {
    const alike = this.#alike;
    if (next === null && this.#minHolders > 1 && alike[leader] === -1) return;
    const members: number[] = [];
    for (let item = leader; item !== -1; item = next === null ? -1 : (next[item] as number)) {
      for (let same = item; same !== -1; same = alike[same] as number) members.push(same);
    }
    if (members.length >= this.#minHolders) this.#groups.push(members);
  }
}

function describe(id: number, items: readonly number[], found: OpenFiles): FileGroup {
  const holders = items.map((item) => refAt(found, item));
  const [{ pid, fd }] = holders as [FileRef];
  const link = readLink(pid, fd);
  return { id, kind: kindAt(pid, fd, link), link, holders };
}
