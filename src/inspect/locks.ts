/**
 * Locks on open files: who keeps them, who took them, who waits.
 *
 *   locks/kept       what descriptors show: who keeps a lock, even if whoever took it has ended
 *   /proc/locks      who waits, and locks that no descriptor shows
 *   locks/requests   who waits for what, and who waits as /proc/locks does not tell
 *
 * Sources: proc_locks(5), flock(2), fcntl(2).
 */
import type { FileRef } from '../binding/kcmp.ts';
import type { FileKind } from '../procfs/kind.ts';
import { type ListedLock, lockKeyOf, readLocks } from '../procfs/locks.ts';
import { readPulse } from '../procfs/raw/runs.ts';
import { readStat } from '../procfs/stat.ts';
import type { Holder } from '../scan/holder.ts';
import { taskExists } from '../scan/reason.ts';
import type { Steps } from '../scan/steps.ts';
import { isRef } from '../scan/subject.ts';
import type { Scan } from '../scan/tables.ts';
import { presence } from '../scan/task-state.ts';
import { isAlike, type Kept, keptAmong } from './locks/kept.ts';
import { areContrary, isInTheWay, type Request, requestsOf } from './locks/requests.ts';
import { mayWait } from './locks/waiting.ts';

/** A lock on a file. */
export interface Lock {
  /** `flock` and `ofd` are the description's, `posix` is one descriptor table's. */
  type: 'flock' | 'posix' | 'ofd' | 'lease';
  mode: 'read' | 'write';
  /** The first byte; a decimal string above 2^53 - 1. */
  start: number | string;
  /** The last byte, likewise; null for all up to the end, wherever that will be. */
  end: number | string | null;
  /** The process that took it; null where the kernel does not say: of an OFD lock, and where it is of no number here. */
  takenBy: number | null;
  /** Whether no process of this pid namespace is that one any more; it has ended, or is outside if `takenBy` is null. */
  takerEnded: boolean;
  /** The descriptors that keep it; none where it is in flight, or theirs could not be looked at. */
  keptBy: FileRef[];
  /** Who waits for it, one for each request; a process outside of this pid namespace is null. */
  waiters: Array<{ pid: number | null; mode: 'read' | 'write' }>;
}

/** A file to which its locks are added. */
export interface Lockable {
  kind: FileKind;
  holders: Holder[];
  locks?: Lock[];
  blockedBy?: Lock[];
}

/** What a path named, for its locks: which files they are on. */
export type OnFile = (file: string) => boolean;

/** Locks that no descriptor shows must be so as often. */
const LOOKS = 3;
/** Of other kinds nobody waits for a lock; one that they keep is told all the same. */
const LOCKABLE: ReadonlySet<FileKind> = new Set<FileKind>(['regular', 'directory', 'memfd', 'block device', 'fifo']);

/**
 * Adds `locks` and `blockedBy` to files.
 * @param others - who has other descriptions of their inodes
 * @param isOnPath - tells the files whose locks are wanted although no descriptor shows them
 * @returns these
 */
export function* tellLocks(
  files: readonly Lockable[],
  others: readonly Holder[],
  { comparable, account }: Scan,
  isOnPath?: OnFile,
): Steps<Lock[]> {
  const keepers = [
    ...files.flatMap(({ holders }) => holders.map((ref) => ({ ref, anchor: holders[0] as Holder }))),
    ...others.map((ref) => ({ ref, anchor: ref })),
  ];
  const awaited = isOnPath === undefined ? yield* awaitedBy(files) : new Set<string>();
  for (let look = 1, suspects: ListedLock[] | undefined; ; look++) {
    const kept = yield* keptAmong(keepers, comparable, look > 1);
    const on = new Set([...awaited, ...kept.map(({ file }) => file)]);
    const isWanted: OnFile = (file) => on.has(file) || isOnPath?.(file) === true;
    const listed = on.size === 0 && isOnPath === undefined ? [] : readLocks(isWanted);
    if (typeof listed === 'string' && isOnPath !== undefined)
      account.skip(process.pid, listed, 'task', 1, 'which locks there are: /proc/locks cannot be read');
    const locks = typeof listed === 'string' ? [] : listed;
    const unshown = leftOf(locks, kept);
    // What was taken or let go of meanwhile is so only once.
    suspects =
      suspects === undefined ? unshown : unshown.filter((one) => suspects?.some((other) => isAlike(one, other)));
    const isMixed = areContrary(kept);
    if ((suspects.length > 0 || isMixed) && look < LOOKS) continue;
    // Those that stand beside one another in one list are of one moment.
    const told = isMixed ? kept.filter((one) => locks.some((line) => isAlike(one, line))) : kept;
    const requests = yield* requestsOf(locks, told, keepers);
    return attach(files, [...told, ...suspects.map((line) => ({ ...line, keptBy: [] }))], requests, isOnPath);
  }
}

/** What the files are on of which a holder may wait for a lock. */
function* awaitedBy(files: readonly Lockable[]): Steps<Set<string>> {
  const awaited = new Set<string>();
  const asked = new Map<number, boolean>();
  for (const { kind, holders } of files) {
    if (!LOCKABLE.has(kind)) continue;
    for (const { pid } of holders) {
      const isWaiting = asked.get(pid) ?? (yield* mayWait(pid));
      asked.set(pid, isWaiting);
      const key = isWaiting ? lockKeyOf(holders[0] as Holder) : undefined;
      if (key !== undefined) awaited.add(key);
      if (isWaiting) break;
    }
  }
  return awaited;
}

/** Each that descriptors show is one of those that are listed. */
function leftOf(listed: readonly ListedLock[], kept: readonly Kept[]): ListedLock[] {
  const left = [...kept];
  return listed.filter((line) => {
    const at = left.findIndex((one) => isAlike(one, line));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** Puts locks and files together; returns the locks that no file has, of those on the path. */
function attach(
  files: readonly Lockable[],
  kept: readonly Kept[],
  requests: readonly Request[],
  isOnPath: OnFile | undefined,
): Lock[] {
  const locks = new Map(kept.map((one) => [one, lockOf(one, requests)]));
  const told = new Set<Kept>();
  for (const file of files) {
    file.locks = [];
    file.blockedBy = [];
    // Of thousands of files most often nobody has locked any.
    if (kept.length === 0) continue;
    const { holders } = file;
    const own = kept.filter(({ keptBy: [first] }) => first !== undefined && holders.some((one) => isRef(one, first)));
    for (const one of own) told.add(one);
    const pids = new Set(holders.flatMap(({ pid, sharedWith = [] }) => [pid, ...sharedWith]));
    const isOurs = ({ pid, ref }: Request): boolean =>
      ref === undefined ? pids.has(pid) : holders.some((one) => isRef(one, ref));
    const ours = requests.filter(isOurs);
    const key = ours.length === 0 ? undefined : lockKeyOf(holders[0] as Holder);
    const isAwaited = (one: Kept): boolean =>
      one.file === key &&
      (one.type === 'posix' || !own.includes(one)) &&
      ours.some((request) => isInTheWay(one, request));
    file.locks = own.map((one) => locks.get(one) as Lock);
    file.blockedBy = kept.filter(isAwaited).map((one) => locks.get(one) as Lock);
  }
  return kept.filter((one) => !told.has(one) && isOnPath?.(one.file) === true).map((one) => locks.get(one) as Lock);
}

const numberOf = (byte: bigint): number | string => (byte <= Number.MAX_SAFE_INTEGER ? Number(byte) : `${byte}`);

function lockOf(kept: Kept, requests: readonly Request[]): Lock {
  const { type, mode, start, end, pid, keptBy } = kept;
  return {
    type,
    mode,
    start: numberOf(start),
    end: end === null ? null : numberOf(end),
    takenBy: pid > 0 ? pid : null,
    takerEnded: pid === 0 || (pid > 0 && hasEnded(pid)),
    keptBy: keptBy.map(({ pid, fd }) => ({ pid, fd })),
    waiters: requests
      .filter((request) => isInTheWay(kept, request))
      .map(({ pid, mode }) => ({ pid: pid > 0 ? pid : null, mode })),
  };
}

/** A zombie has let go of everything, unless it is but the first thread of a process. */
function hasEnded(pid: number): boolean {
  // To read more of it would wait.
  if (readPulse(pid).isInExec) return false;
  const stat = readStat(pid);
  return typeof stat === 'string' ? !taskExists(pid) : stat.threads <= 1 && presence('files', stat) === 'no';
}
