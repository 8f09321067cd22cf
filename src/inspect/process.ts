/**
 * Everything that a process has open, with who else has it and who has its other end: one look at the machine for all of it.
 *
 *   process/snapshot   all descriptors of one moment, by open file description
 *   process/ends       the other ends in it
 *   process/files      each description in words
 *   process/waiting    on which descriptor it waits
 *   process/stale      epoll instances with targets that are other files by now
 */
import { checkProc } from '../procfs/root.ts';
import { treeOf } from '../procfs/processes.ts';
import type { Coverage } from '../scan/coverage.ts';
import type { Part } from '../scan/options.ts';
import { isWorthAnother } from '../scan/settle.ts';
import { part, type Steps } from '../scan/steps.ts';
import { isRef, listComparable, requireComparable, requireTask, subjectError } from '../scan/subject.ts';
import type { Holder } from '../scan/holder.ts';
import { tellLocks } from './locks.ts';
import type { FoundFile } from './open/found-file.ts';
import { tellIdle } from './open/idle.ts';
import { Ends } from './process/ends.ts';
import { ProcessFiles } from './process/files.ts';
import { Snapshot } from './process/snapshot.ts';
import { type StaleEpoll, staleIn } from './process/stale.ts';
import { type Waiting, waitingIn } from './process/waiting.ts';

/** So often all is looked at anew for what has moved meanwhile. */
const ATTEMPTS = 4;
/** So much of the work is done when all was read, compared, and described. */
const [READ, COMPARED, DESCRIBED] = [0.3, 0.5, 0.75];

/** What a process has open. */
export interface OpenedBy {
  files: FoundFile[];
  waiting: Waiting[];
  stale: StaleEpoll[];
  coverage: Coverage;
}

/**
 * @param pid - a process, or a thread with its table
 * @param isTree - whether that of its descendants is wanted as well
 * @param where - the processes to look at besides; undefined for every process
 * @throws ESRCH, EACCES, EPERM, EBUSY, EAGAIN
 */
export function* openedBy(
  pid: number,
  isTree: boolean,
  where: readonly number[] | undefined,
  parts: ReadonlySet<Part>,
): Steps<OpenedBy> {
  checkProc();
  yield* requireComparable(pid);
  const pids = new Set([pid, ...(isTree ? treeOf(pid) : [])]);
  const asked = where === undefined ? undefined : [...new Set([...pids, ...where])];
  const snapshot = yield* part(0, READ, Snapshot.read(pid, pids, asked));
  if (snapshot.tables().every(({ fds }) => fds.length === 0)) yield* requireEmpty(pid);
  const ends = parts.has('otherEnd') ? new Ends(snapshot) : undefined;
  if (ends !== undefined) yield* ends.hasMoved();
  for (let attempt = 1, quick = 0; attempt <= ATTEMPTS; attempt++) {
    const unsettled = yield* part(READ, COMPARED, snapshot.settle());
    const isLast = attempt === ATTEMPTS;
    const told = new ProcessFiles(snapshot, yield* snapshot.groups(unsettled), ends);
    let files: FoundFile[];
    try {
      ends?.renew();
      yield* part(COMPARED, DESCRIBED, told.describe());
      if (ends !== undefined && (yield* ends.hasMoved()) && !isLast) continue;
      files = yield* part(DESCRIBED, 1, told.tell());
      const isOther = yield* hasMore(snapshot, told, ends, isLast);
      const isVague = isOther || told.lost.length > 0;
      const isQuick = isVague && isWorthAnother(snapshot.scan, ++quick);
      if (isQuick) attempt--; // it costs little, and does not count
      if (isOther || isQuick) continue;
    } finally {
      told.close();
    }
    const { account } = snapshot.scan;
    snapshot.count(unsettled);
    for (const { id, isTold } of told.lost) if (!isTold) account.skip(id, 'EAGAIN', 'descriptor');
    if (files.length === 0) yield* requireEmpty(pid);
    if (parts.has('locks')) yield* tellLocks(files, othersOf(files), snapshot.scan);
    yield* tellIdle(files, snapshot.scan.tables);
    const calls = yield* waitingIn(snapshot.tables());
    const waiting = calls.filter((one) => files.some((file) => isOf(file, one)));
    const own = new Set(snapshot.tables().flatMap(({ id, sharedWith }) => [id, ...sharedWith]));
    const stale = parts.has('watchers') && snapshot.scan.comparable ? yield* staleIn(files, own) : [];
    return { files: waitedForFirst(files, waiting), waiting, stale, coverage: account.toCoverage() };
  }
  throw subjectError('EAGAIN', pid);
}

/** Whether the other end was found by now of what seemed to have none: what was in flight may have come down. */
function* hasMore(snapshot: Snapshot, told: ProcessFiles, ends: Ends | undefined, isLast: boolean): Steps<boolean> {
  if (ends === undefined || ends.unheld.length === 0) return false;
  yield* snapshot.lookAgain();
  return yield* told.hasMore(isLast);
}

/** @throws when nothing was seen of a process because it cannot be looked at, or is gone */
function* requireEmpty(pid: number): Steps<void> {
  yield* listComparable(pid);
  requireTask(pid);
}

/** Who has other descriptions of the same inodes, each once. */
function othersOf(files: readonly FoundFile[]): Holder[] {
  const keyOf = ({ pid, fd }: Holder): string => `${pid}:${fd}`;
  const own = new Set(files.flatMap(({ holders }) => holders.map(keyOf)));
  const others = new Map(files.flatMap(({ sameInode }) => sameInode.map((holder) => [keyOf(holder), holder] as const)));
  return [...others].filter(([key]) => !own.has(key)).map(([, holder]) => holder);
}

const isOf = ({ holders }: FoundFile, waiting: Waiting): boolean => holders.some((holder) => isRef(holder, waiting));

function waitedForFirst(files: FoundFile[], waiting: readonly Waiting[]): FoundFile[] {
  const rankOf = (file: FoundFile): number => Number(!waiting.some((one) => isOf(file, one)));
  return waiting.length === 0 ? files : files.toSorted((a, b) => rankOf(a) - rankOf(b));
}
