/** The open file table of many processes: their descriptors, gathered by open file description. */
import { badInt31, badRange, isInt31 } from '../binding/errors.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { readLink, statIno } from '../procfs/descriptors.ts';
import { kindAt } from '../procfs/kind.ts';
import { isAnonymousLink, namesInode } from '../procfs/link.ts';
import { checkProc } from '../procfs/processes.ts';
import type { Account } from './account.ts';
import { checkPids } from './arguments.ts';
import { DescriptionOrder, refAt } from './descriptions.ts';
import { isPlainSocket } from './identify.ts';
import { addTo } from './multimap.ts';
import { membersOf } from './order.ts';
import type { FileGroup, GroupOptions, GroupReport } from './reports.ts';
import { scan, type Table } from './scan.ts';

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
  const pids = checkPids(options);
  const minHolders = options?.minHolders ?? 2;
  if (!isInt31(minHolders)) throw badInt31('options.minHolders', minHolders);
  if (minHolders < 1) throw badRange('options.minHolders', 'an integer >= 1 && <= 2147483647', minHolders);
  checkProc();
  const { tables, account, comparable } = scan(pids, options?.onProgress);
  tables.sort((a, b) => a.id - b.id);
  const found = new Inodes(tables, account);
  const groups = comparable ? compareAll(found, account) : socketsOnly(found, account);
  return {
    groups: groups
      .filter((items) => items.length >= minHolders)
      .sort((a, b) => (a[0] as number) - (b[0] as number))
      .map((items, i) => describe(i + 1, items, found)),
    sharedTables: tables.filter(({ sharedWith }) => sharedWith.length > 0).map(({ id, sharedWith }) => ({ pid: id, sharedWith })),
    coverage: account.toCoverage(),
  };
}

/** The descriptors as parallel arrays, and which of them have one inode. An item is an index, so their order is by pid, then fd. */
class Inodes {
  readonly ids: number[] = [];
  readonly fds: number[] = [];
  readonly byInode: Map<string, number[]> = new Map();

  constructor(tables: readonly Table[], account: Account) {
    for (const { id, fds } of tables) {
      for (const fd of fds) {
        const inode = inodeOf(id, fd);
        if (inode === null) {
          account.skip(id, 'EBADF', 'descriptor');
          continue;
        }
        const item = this.ids.push(id) - 1;
        this.fds.push(fd);
        addTo(this.byInode, inode, item);
      }
    }
  }
}

/** What all descriptors of one inode have in common: a link that names it, or device and number. */
function inodeOf(id: number, fd: number): string | null {
  const link = readLink(id, fd);
  if (link === null) return null;
  if (namesInode(link) || isAnonymousLink(link)) return link;
  const stat = statIno(id, fd);
  return typeof stat === 'string' ? null : `${stat.dev}:${stat.ino}`;
}

function compareAll(found: Inodes, account: Account): number[][] {
  const order = new DescriptionOrder(found, (item, code) => account.skip(found.ids[item] as number, code, 'descriptor'));
  const groups: number[][] = [];
  for (const items of found.byInode.values()) {
    if (items.length === 1) {
      groups.push(items);
      continue;
    }
    const sorted = order.group(Int32Array.from(items));
    for (const leader of sorted.leaders) groups.push(membersOf(sorted, leader).sort((a, b) => a - b));
  }
  return groups;
}

/** Without kcmp only sockets can be told, since one inode of theirs is one description, and what is alone on its inode. */
function socketsOnly(found: Inodes, account: Account): number[][] {
  const groups: number[][] = [];
  for (const items of found.byInode.values()) {
    const alone = items.length === 1;
    const [known, unknown] = [[] as number[], [] as number[]];
    for (const item of items) (alone || isPlainSocket(refAt(found, item)) ? known : unknown).push(item);
    if (known.length > 0) groups.push(known);
    for (const item of unknown) account.skip(found.ids[item] as number, 'EPERM', 'descriptor');
  }
  return groups;
}

function describe(id: number, items: readonly number[], found: Inodes): FileGroup {
  const holders = items.map((item) => refAt(found, item));
  const [{ pid, fd }] = holders as [FileRef];
  const link = readLink(pid, fd);
  return { id, kind: kindAt(pid, fd, link), link, holders };
}
