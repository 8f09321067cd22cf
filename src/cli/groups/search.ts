/** Which groups of descriptors are wanted: by kind, name, user, lock, by being deleted, or shared with somebody outside. */
import type { Elsewhere, FileGroup, GroupReport } from '../../index.ts';
import { inodeKey, readLink, statIno } from '../../procfs/fd.ts';
import { readFdinfo } from '../../procfs/fdinfo.ts';
import { DELETED } from '../../procfs/link.ts';
import { locksOfFdinfo, readLocks } from '../../procfs/locks.ts';
import { readUser } from '../../procfs/processes.ts';
import { readProcess } from '../../procfs/status.ts';
import { commandOf } from '../output/names.ts';
import { type Aside, stillOf } from './still.ts';

export interface Search {
  kinds: readonly string[];
  /** A part of a path, an address or a command; `*` stands for anything. */
  match: string | undefined;
  uid: number | undefined;
  isDeleted: boolean;
  isLocked: boolean;
  /** How many holders a group must have. */
  min: number;
  /** The processes of which it must have one, and one that is not among them. */
  inside: ReadonlySet<number> | undefined;
}

export interface Bytes {
  size: number | null;
  allocated: number | null;
}

/** A deleted file that no descriptor has, and the processes that have it mapped; the bytes where these may be asked. */
export interface Mapped extends Bytes {
  path: string;
  pids: number[];
}

/** A deleted file that the kernel itself has, as a loop device, or mounted on another file: then `the mount at …`. */
export interface Backs extends Bytes {
  path: string;
  device: string;
}

/** A group, with what a search found out of it. */
export interface FoundGroup extends FileGroup {
  /** Bytes of a deleted file, and how many of them take room: a sparse file has more. */
  size?: number | null;
  allocated?: number | null;
}

export interface FoundReport extends GroupReport {
  groups: FoundGroup[];
  /** How many files are deleted, and their bytes, each counted once, however often it was opened. */
  deleted?: { files: number; bytes: number; allocated: number };
  mapped?: Mapped[];
  backs?: Backs[];
  /** Who may have a deleted file in flight, or registered. */
  elsewhere?: Elsewhere[];
  /** How many locks there are that no descriptor which was found keeps. */
  unkept?: number;
}

/** Of others nobody asks for a lock, and to read the fdinfo of some is to wait for a mutex. */
const LOCKABLE: ReadonlySet<FileGroup['kind']> = new Set([
  'regular',
  'directory',
  'memfd',
  'block device',
  'character device',
  'fifo',
  'unknown',
]);

/** Looks for the parts one after the other, and so never tries twice. */
export function matches(text: string, pattern: string): boolean {
  let at = 0;
  for (const part of pattern.split('*')) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return true;
}

/** Answers that are asked for again and again, once each. */
function remembered<T>(ask: (pid: number) => T): (pid: number) => T {
  const known = new Map<number, T>();
  return (pid) => {
    const answer = known.get(pid) ?? ask(pid);
    known.set(pid, answer);
    return answer;
  };
}

/** Whether a task is of one of some processes. */
export function withinOf(pids: Iterable<number>): (task: number) => boolean {
  const processOf = remembered(readProcess);
  const within = new Set([...pids].map(processOf));
  return (task) => within.has(processOf(task));
}

/**
 * The groups that are wanted, numbered anew; deleted files by the room that they take, the largest first.
 * @param aside - gets what is found besides, and those of which it could not be told
 */
export function searched(report: GroupReport, search: Search, aside: Aside): FoundReport {
  const { kinds, match, uid, isDeleted, isLocked, min, inside } = search;
  const [nameOf, userOf] = [remembered(commandOf), remembered(readUser)];
  const shared = new Map(report.sharedTables.map(({ pid, sharedWith }) => [pid, sharedWith]));
  const pidsOf = (pids: readonly number[]): number[] => pids.flatMap((pid) => [pid, ...(shared.get(pid) ?? [])]);
  const isWithin = withinOf(inside ?? []);
  const isAcross = (pids: readonly number[]): boolean =>
    inside === undefined || (pids.some(isWithin) && !pids.every(isWithin));
  let groups: FoundGroup[] = report.groups.filter((group) => {
    const { kind, link, name, holders } = group;
    const pids = pidsOf([...new Set(holders.map(({ pid }) => pid))]);
    // A descriptor that others have by its table is one for each of them.
    const count = inside === undefined ? holders.length : pidsOf(holders.map(({ pid }) => pid)).length;
    if (count < min || !isAcross(pids)) return false;
    if (link === null && kind === 'unknown' && (kinds.length > 0 || match !== undefined)) aside.lose(group);
    if (kinds.length > 0 && !kinds.includes(kind)) return false;
    if (uid !== undefined && !pids.some((pid) => userOf(pid) === uid)) return false;
    return match === undefined || [link ?? kind, name ?? '', ...pids.map(nameOf)].some((text) => matches(text, match));
  });
  if (isLocked) groups = groups.filter((group) => isLockedGroup(group, aside));
  const files = new Map<string, Bytes>();
  if (isDeleted) groups = deletedOf(groups, files, aside);
  const sharedTables = report.sharedTables.filter(({ pid, sharedWith }) => isAcross([pid, ...sharedWith]));
  return {
    ...report,
    groups: groups.map((group, i) => ({ ...group, id: i + 1 })),
    sharedTables,
    ...(isDeleted
      ? { deleted: { files: files.size, bytes: sumOf(files, 'size'), allocated: sumOf(files, 'allocated') } }
      : {}),
  };
}

const NONE: Bytes = { size: null, allocated: null };

/** What takes most room first. */
export const byRoom = (a: Partial<Bytes>, b: Partial<Bytes>): number => (b.allocated ?? -1) - (a.allocated ?? -1);

const sumOf = (files: ReadonlyMap<string, Bytes>, which: keyof Bytes): number =>
  [...files.values()].reduce((sum, bytes) => sum + (bytes[which] ?? 0), 0);

/** What takes memory of the kernel's, and no room on a disk. */
const NO_FILES: ReadonlySet<FileGroup['kind']> = new Set(['memfd', 'message queue']);

/**
 * A file may be called `x (deleted)`; only its having no name left proves it.
 * @param files - gets those of each by its device and inode
 */
export function deletedOf(groups: readonly FoundGroup[], files: Map<string, Bytes>, aside: Aside): FoundGroup[] {
  const found = groups.flatMap((group): FoundGroup[] => {
    if (group.link?.endsWith(DELETED) === false || NO_FILES.has(group.kind)) return [];
    const holder = stillOf(group);
    const stat = holder === undefined ? 'ENOENT' : statIno(holder.pid, holder.fd);
    if (typeof stat === 'string') aside.lose(group);
    if (typeof stat === 'string' || (stat.more !== undefined && stat.more.nlink > 0)) return [];
    const told = group.kind === 'regular' ? stat.more : undefined;
    const bytes: Bytes = told === undefined ? NONE : { size: Number(told.size), allocated: Number(told.allocated) };
    files.set(inodeKey(stat.dev, stat.ino), bytes);
    return [{ ...group, ...bytes }];
  });
  return found.sort(byRoom);
}

/** Whether nothing but locks is looked for, so that a file which was left out is one that nobody was seen to have locked. */
export const isForLocksAlone = ({ isLocked, isDeleted, kinds, match, uid, min }: Search): boolean =>
  isLocked && !isDeleted && min === 1 && kinds.length === 0 && match === undefined && uid === undefined;

/** How many locks are on files of which no group keeps one: by a mapping, in flight, or by whom nobody could look at. */
export function unkeptLocks(kept: ReadonlySet<string>): number {
  const locks = readLocks((file) => !kept.has(file));
  return typeof locks === 'string' ? 0 : locks.length;
}

/** Those of POSIX are shown in the table that took them only. */
function isLockedGroup(group: FoundGroup, aside: Aside): boolean {
  const { kind, link, holders } = group;
  if (!LOCKABLE.has(kind)) return false;
  let isRead = false;
  for (const pid of new Set(holders.map((holder) => holder.pid))) {
    const ref = stillOf({ link, holders: holders.filter((holder) => holder.pid === pid) });
    const info = ref === undefined ? '' : readFdinfo(pid, ref.fd);
    if (ref === undefined || typeof info === 'string' || readLink(pid, ref.fd) !== link) continue;
    isRead = true;
    const locks = locksOfFdinfo(info.text);
    for (const { file } of locks) aside.locked.add(file);
    if (locks.length > 0) return true;
  }
  if (!isRead) aside.lose(group);
  return false;
}
