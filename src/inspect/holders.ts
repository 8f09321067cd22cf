/** Who refers to an open file description, who to its other end, and who to another one of the same inode. */
import type { FileRef } from '../binding/kcmp.ts';
import { readOptions, readRef } from '../binding/read.ts';
import { Sockets } from '../netlink/sockets.ts';
import { checkProc } from '../procfs/root.ts';
import { livingTask } from '../scan/task-state.ts';
import type { Coverage } from '../scan/coverage.ts';
import type { Holder } from '../scan/holder.ts';
import { listOpen } from '../scan/listing.ts';
import { checkParts, checkScan, type Part, type ScanOptions } from '../scan/options.ts';
import { settle } from '../scan/settle.ts';
import { type Asked, finish, part, type Steps } from '../scan/steps.ts';
import { isRef, requireComparable, subjectError } from '../scan/subject.ts';
import { type Scan, scan, type Table } from '../scan/tables.ts';
import { findElsewhere } from './elsewhere.ts';
import { Search } from './holders/search.ts';
import { Subject } from './holders/subject.ts';
import { tellLocks } from './locks.ts';
import { tellIdle } from './open/idle.ts';
import { describeOpen, type FileFacts, type OpenFile } from './open-file.ts';
import { tellOtherEnd } from './peers.ts';
import type { OnClosed } from './peers/by-description.ts';
import { peerOf } from './peers/kinds.ts';
import type { Seen } from './peers/peer.ts';
import { findWatchers } from './watchers.ts';

/** So often a search begins anew when what it looks for became another file. */
const ATTEMPTS = 8;
/** So much of the work is done when all was read, and when all was compared. */
const [READ, COMPARED] = [0.5, 0.8];

/** Options of {@link findHolders}. */
export interface HolderOptions extends ScanOptions {
  /** What is wanted besides the holders; everything when left out. */
  parts?: Iterable<Part> | undefined;
}

/** What {@link findHolders} found out about one descriptor. */
export interface HolderReport extends OpenFile {
  /** Is among the holders. */
  file: FileRef;
  coverage: Coverage;
}

/**
 * `kcmp(file.pid, …, KCMP_FILE, file.fd, …)` for every descriptor — who refers to this open file description?
 *
 * @param file - a descriptor of any process
 * @param options.pids - where to look besides `file.pid`; every process of /proc when left out
 * @param options.onProgress - told how much of all the work is done, the comparing too, in thousandths
 * @param options.parts - what is wanted besides the holders; everything when left out
 * @returns `holders`, with `file` itself among them, and apart from them `otherEnd`: what a pipe, a socket or a pty is
 *   connected to, and who holds that, found by the same looks; and `sameInode`: descriptors of another description of
 *   the same inode that is not the other end, such as a second open. `sameInode` is empty for the kinds that share the
 *   kernel's one anonymous inode (eventfd, epoll, timerfd, …), and for /dev/null, /dev/ptmx and their like, where it
 *   would say nothing; `locks` that the description keeps, and `blockedBy`, those that a holder of it waits
 *   for; `watchers`, the epoll instances that watch it
 * @throws TypeError `ERR_INVALID_ARG_VALUE` — no such part
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` — a bad argument
 * @throws Error `ESRCH` — no such process; `EBADF` — `file` is not open; `EACCES` or `EPERM` — it may not be inspected;
 *   `EAGAIN` — it was another file time and again. Other processes that end or refuse are counted in `coverage`, never thrown
 * @throws Error `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`, `ERR_KOFFI_UNAVAILABLE`, `ERR_PROC_UNAVAILABLE`
 * @example findHolders({ pid: process.pid, fd: 1 }).holders.map(({ pid, fd, command }) => `${command} (${pid}), fd ${fd}`);
 * @since Linux 3.5
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, kernel/kcmp.c, sock_diag(7), proc_locks(5)
 */
export function findHolders(file: FileRef, options?: HolderOptions): HolderReport {
  return finish(askHolders(file, options));
}

/** {@link findHolders}, in steps. */
export function askHolders(file: FileRef, options: HolderOptions | undefined): Asked<HolderReport> {
  const asked = readRef(file, 'file');
  const { parts, ...others } = readOptions(options, ['parts', 'pids', 'onProgress']);
  const { pids, onProgress } = checkScan(others);
  return { steps: holdersOf(asked, pids, checkParts(parts)), onProgress };
}

/** Of a process whose first thread has ended one that goes on is asked about. */
export function* holdersOf(
  { pid, fd }: FileRef,
  pids: readonly number[] | undefined,
  parts: ReadonlySet<Part>,
): Steps<HolderReport> {
  checkProc();
  yield* requireComparable(pid);
  const asked = { pid: livingTask(pid), fd };
  let before: Subject | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const subject: Subject = new Subject(asked, before);
    before = subject;
    const seen = yield* part(0, READ, scan(pids, asked.pid, listOpen, subject.rest));
    const kind = peerOf(subject);
    // What shares the inode of a pipe cannot be told apart without it.
    const peer = parts.has('otherEnd') || kind?.isSilent === true ? kind : undefined;
    const search = new Search(subject, seen, peer);
    const look = (tables: readonly Table[]): Steps<ReadonlySet<Table>> => search.look(tables);
    const settling = settle(
      seen,
      look,
      (ask) => !subject.hasRested(ask),
      () => subject.isOther,
      () => search.isAnew,
    );
    const unsettled = yield* part(READ, COMPARED, settling);
    // When not even the holders found are the same in each look, what they are compared with is not either.
    const isDoubtful = unsettled.size > 0 && !subject.hasRested() && !search.isSteady();
    const open = yield* describe(subject, seen);
    const restless = new Set([...unsettled].map(({ id }) => id));
    const isStill = (): Steps<boolean> => subject.isStill(search.sightings(), restless);
    if (isDoubtful || subject.isOther || (seen.comparable && !(yield* isStill()))) continue;
    for (const table of unsettled) yield* search.keepAgreeing(table);
    // With one that has ended all would have agreed.
    if (!subject.hasStood()) continue;
    const { holders, sameInode, ends } = yield* foundBy(search, seen, unsettled);
    if (seen.comparable && !holders.some((holder) => isRef(holder, asked))) continue;
    const more: Pick<HolderReport, 'otherEnd' | 'elsewhere'> = {};
    if (parts.has('otherEnd')) {
      const lookAgain = (): Steps<boolean> => search.findsMore(({ end }) => end !== '');
      const isLast = attempt === ATTEMPTS - 1;
      let isClosed = false;
      const onClosed: OnClosed = ({ pid }, code) => {
        isClosed = true;
        if (isLast) seen.account.skip(pid, code === 'EBADF' ? 'EAGAIN' : code, 'descriptor');
      };
      const telling = peer && tellOtherEnd(peer, seen, ends, holders, lookAgain, undefined, onClosed);
      const otherEnd = telling === undefined ? null : yield* part(COMPARED, COMPARED, telling);
      if (otherEnd === undefined || (isClosed && !isLast)) continue;
      more.otherEnd = otherEnd;
    }
    if (parts.has('elsewhere')) {
      const others = more.otherEnd?.holders.length ?? 0;
      const isNobodys = holders.length + others === 1 && holders[0]?.sharedWith === undefined;
      const elsewhere = yield* part(COMPARED, 1, findElsewhere(seen, subject.link, subject.inode, isNobodys));
      const isUntold = seen.comparable && isNobodys && elsewhere.every(({ sure }) => sure === 'inode');
      // What was in flight may have come down just before that was looked at.
      if (
        isUntold &&
        (yield* part(
          1,
          1,
          search.findsMore(({ result }) => result === 0),
        ))
      )
        continue;
      more.elsewhere = elsewhere;
    }
    const found: OpenFile = { ...open, holders, sameInode, ...more };
    if (parts.has('locks')) yield* tellLocks([found], sameInode, seen);
    if (parts.has('watchers'))
      found.watchers = yield* findWatchers(subject.stand, open.kind, subject.inode, yield* search.epolls(), seen);
    yield* tellIdle([found], seen.tables);
    const isMore = parts.has('locks') || parts.has('watchers');
    if (isMore && seen.comparable && !(yield* isStill())) continue;
    return { file: asked, ...found, coverage: seen.account.toCoverage() };
  }
  throw subjectError('EAGAIN', asked.pid, asked.fd);
}

function* describe({ stand, link, inode }: Subject, { tables }: Scan): Steps<FileFacts> {
  const sockets = new Sockets(() => tables.map(({ id }) => id));
  try {
    return yield* describeOpen(stand, link, inode, sockets);
  } finally {
    sockets.close();
  }
}

/** What the looks found; what they could not look at is counted. */
function* foundBy(
  search: Search,
  { tables, account }: Scan,
  unsettled: ReadonlySet<Table>,
): Steps<{ holders: Holder[]; sameInode: Holder[]; ends: Seen[] }> {
  const holders: Holder[] = [];
  const sameInode: Holder[] = [];
  const ends: Seen[] = [];
  for (const table of tables) {
    yield;
    const { sightings, skipped } = search.foundIn(table);
    for (const { pid, fd, holder, result, end } of sightings) {
      if (end !== '') ends.push({ pid, fd, end, holder });
      else (result === 0 ? holders : sameInode).push(holder);
    }
    for (const code of skipped) account.skip(table.id, code, 'descriptor');
    if (unsettled.has(table)) account.skip(table.id, 'EAGAIN', 'descriptor', table.fds.length || 1);
  }
  return { holders, sameInode, ends };
}
