/** The open file table of many processes: their descriptors, gathered by open file description. */
import { badRange, badType, isInt31 } from '../binding/arguments.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { readOptions } from '../binding/read.ts';
import { Sockets } from '../netlink/sockets.ts';
import type { FileKind } from '../procfs/kind.ts';
import { inodeOf, isSocketLink } from '../procfs/link.ts';
import { checkProc } from '../procfs/root.ts';
import { refAt } from '../scan/columns.ts';
import type { Coverage } from '../scan/coverage.ts';
import { OpenFiles } from '../scan/inode-columns.ts';
import { checkScan, type ScanOptions } from '../scan/options.ts';
import { settle } from '../scan/settle.ts';
import { type Asked, finish, part, type Steps, WALK } from '../scan/steps.ts';
import { type Scan, scan, type Table } from '../scan/tables.ts';
import type { Carrier } from './elsewhere/aloft.ts';
import { FoundGroups } from './groups/found.ts';
import { type DeletedMapping, deletedMappings, mayHaveDeleted } from './groups/mapped.ts';
import { type NamedGroup, nameOfOpen, plainName, wholeName } from './groups/name.ts';

/** One open file description, and every descriptor that refers to it. */
export interface FileGroup {
  /** 1, 2, … in the order of lowest pid, then fd; good within one report only. */
  id: number;
  kind: FileKind;
  link: string | null;
  /** What people call it, as of an open file. */
  name: string | null;
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
  minHolders?: number | undefined;
}

/**
 * `kcmp(…, KCMP_FILE, …)` over many descriptors — which of them share an open file description?
 *
 * Inodes are looked at first; only descriptors of one inode are compared.
 *
 * @param options.pids - the processes to look at; every process of /proc when left out
 * @param options.minHolders - smaller groups are left out: 1 … 2^31−1, 2 when left out
 * @param options.onProgress - told how much of all the work is done, the comparing too, in thousandths
 * @returns one group a description, numbered by lowest pid, then fd; processes that share a whole table are listed once
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` — a bad argument
 * @throws Error `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`, `ERR_KOFFI_UNAVAILABLE`, `ERR_PROC_UNAVAILABLE`; never because
 *   a process ended or refused, which `coverage` counts
 * @example groupFiles({ pids: [process.pid, process.ppid] }).groups.length; // what a process shares with its parent
 * @since Linux 3.5
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, kernel/kcmp.c
 */
export function groupFiles(options?: GroupOptions): GroupReport {
  return finish(askGroups(options));
}

/** The deleted files that these processes have mapped, or anybody; no group has what no descriptor does. */
export const findDeletedMappings = (
  pids: readonly number[] | undefined,
): { files: DeletedMapping[]; skipped: Coverage['skipped'] } => finish({ steps: deletedMappings(pids) });

/** What may have some that nobody has. */
export const findDeletedAloft = (): Carrier[] => finish({ steps: mayHaveDeleted() });

/** {@link groupFiles}, in steps. */
export function askGroups(options: GroupOptions | undefined): Asked<GroupReport> {
  const { minHolders = 2, ...others } = readOptions(options, ['minHolders', 'pids', 'onProgress']);
  const { pids, onProgress } = checkScan(others);
  if (typeof minHolders !== 'number') throw badType('options.minHolders', 'of type number', minHolders);
  if (!isInt31(minHolders) || minHolders < 1)
    throw badRange('options.minHolders', 'an integer >= 1 && <= 2147483647', minHolders);
  return { steps: groupsOf(pids, minHolders, true), onProgress };
}

/**
 * The groups of these processes, or of all.
 * @param isNamed - whether they get names
 */
export function* groupsOf(
  pids: readonly number[] | undefined,
  minHolders: number,
  isNamed: boolean,
): Steps<GroupReport> {
  checkProc();
  const files = new OpenFiles();
  const seen = yield* part(
    0,
    0.5,
    scan(pids, undefined, (id) => files.list(id)),
  );
  const found = new FoundGroups(files, seen, minHolders, isNamed ? wholeName : plainName);
  const look = (open: readonly Table[], isCareful: boolean): Steps<ReadonlySet<Table>> => found.look(open, isCareful);
  const unsettled = yield* part(0.5, 0.9, settle(seen, look));
  yield 0.9;
  yield* found.leaveOut(unsettled);
  const { account } = seen;
  let count = 0;
  for (const [item, code] of found.dropped) {
    account.skip(files.ids[item] as number, code, 'descriptor');
    if (++count % WALK === 0) yield;
  }
  for (const { id, fds } of unsettled) account.skip(id, 'EAGAIN', 'descriptor', fds.length || 1);
  const ordered = yield* byPlace(found.groups, files, seen.tables);
  const groups: FileGroup[] = [];
  let holders = 0;
  for (const [i, { items, kind, link, name }] of ordered.entries()) {
    groups.push({ id: i + 1, kind, link, name, holders: items.map((item) => refAt(files, item)) });
    if (i % 64 !== 0 && (holders += items.length) < WALK) continue;
    holders = 0;
    yield 0.9 + (0.1 * i) / ordered.length;
  }
  if (isNamed) yield* nameSockets(groups, seen);
  const shared = seen.tables.filter(({ sharedWith }) => sharedWith.length > 0).sort((a, b) => a.id - b.id);
  return {
    groups,
    sharedTables: shared.map(({ id, sharedWith }) => ({ pid: id, sharedWith })),
    coverage: account.toCoverage(),
  };
}

/** Of a socket so many descriptors are asked, where the first are other files by now. */
const ATTEMPTS = 3;

/** By their inodes, of which many are looked up together. */
function* nameSockets(groups: readonly FileGroup[], { tables }: Scan): Steps<void> {
  const unnamed = groups.filter(({ kind, link }) => kind === 'socket' && isSocketLink(link));
  const inos = unnamed.map(({ link }) => inodeOf(link as string));
  const sockets = new Sockets(() => tables.map(({ id }) => id), inos);
  for (const group of unnamed) {
    try {
      for (const ref of group.holders.slice(0, ATTEMPTS)) {
        const name = yield* nameOfOpen(ref, group, sockets);
        if (name === undefined) continue; // another file, and its protocol
        group.name = name;
        break;
      }
    } finally {
      // Whoever asks about this very process meanwhile would find what it asks with.
      sockets.close();
    }
    yield;
  }
}

/**
 * Puts groups, and the items of each, in the order of lowest pid, then fd: by a walk through all tables, since to sort
 * tens of thousands takes longer and has no pause.
 */
function* byPlace(groups: readonly NamedGroup[], files: OpenFiles, tables: readonly Table[]): Steps<NamedGroup[]> {
  const groupOf = new Int32Array(files.length).fill(-1);
  for (let i = 0; i < groups.length; i++) {
    if (i % WALK === 0) yield;
    for (const item of (groups[i] as NamedGroup).items) groupOf[item] = i;
  }
  const ordered: number[] = [];
  const counts = new Int32Array(groups.length);
  for (const { id } of tables.toSorted((a, b) => a.id - b.id)) {
    const { start, end } = files.spanOf(id);
    for (let item = start; item < end; item++) {
      if (item % WALK === 0) yield;
      const group = groupOf[item] as number;
      if (group < 0) continue;
      const at = counts[group] as number;
      if (at === 0) ordered.push(group);
      (groups[group] as NamedGroup).items[at] = item;
      counts[group] = at + 1;
    }
  }
  // A table may have been left out since as that of another process.
  return ordered.map((place) => {
    const group = groups[place] as NamedGroup;
    group.items.length = counts[place] as number;
    return group;
  });
}
