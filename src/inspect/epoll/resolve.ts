/**
 * Resolves the targets of one epoll instance:
 *
 *   is it free? ── read its list ── prove own numbers ── scan ── look until settled ── read its list again
 *                       └─ what changed in it, or was not sure, once more: what ran since is listed again ─┘
 */
import { KCMP_EPOLL_TFD, KCMP_FILE } from '../../binding/abi.ts';
import { accessToTargets, isComparable, kcmpError } from '../../binding/explain.ts';
import type { FileRef } from '../../binding/kcmp.ts';
import { kcmpRaw } from '../../binding/syscall.ts';
import { EpollFile } from '../../procfs/epoll-file.ts';
import { listDescriptors, readLink, tryLink } from '../../procfs/fd.ts';
import { EPOLL_LINK } from '../../procfs/link.ts';
import { listProcesses } from '../../procfs/processes.ts';
import { checkProc } from '../../procfs/root.ts';
import { isStuckInExec, mayKeepMutex } from '../../scan/busy.ts';
import type { Coverage } from '../../scan/coverage.ts';
import { Links } from '../../scan/link-columns.ts';
import { hasRested, type Rest, restOf } from '../../scan/rest.ts';
import { settle } from '../../scan/settle.ts';
import { part, type Steps } from '../../scan/steps.ts';
import { goneOrHidden, requireComparable, subjectError } from '../../scan/subject.ts';
import { type Scan, scan, type Table } from '../../scan/tables.ts';
import { instanceOf } from './instance.ts';
import { proveOwnNumbers, sureLinks } from './proof.ts';
import { TargetSearch } from './search.ts';
import { type EpollTarget, merged, parseTargets, unchanged, unknownOf } from './targets.ts';

const { EBADF } = process.getBuiltinModule('node:os').constants.errno;
const ROUNDS = 8;
/** So often the list is read once more where it may have changed and changed back: each time it is even odds to notice. */
const LOOKS = 16;
/** Milliseconds between two of these at most. */
const STEP = 0.01;

export interface Resolved {
  instance: FileRef[];
  targets: EpollTarget[];
  stable: boolean;
  coverage: Coverage;
}

/** Where the files of an instance's targets are. */
export function* resolveTargets(pid: number, efd: number, pids: readonly number[] | undefined): Steps<Resolved> {
  checkProc();
  const file = new EpollFile(pid, efd);
  try {
    let rest = restOf(pid);
    yield* requireFree({ pid, fd: efd }, pids ?? listProcesses());
    let text = readOwn(file, pid, efd);
    checkTargets(pid, efd);
    file.yieldLast();
    let known: ReadonlyMap<string, EpollTarget> = new Map();
    let items = yield* parseTargets(text);
    let seen: Scan | undefined;
    let links: Links | undefined;
    for (let round = 1, from = 0; ; round++, from = 1 - (1 - from) / 4) {
      const open = unknownOf(items, known);
      const proving = from + (1 - from) / 8;
      const proven = yield* part(from, proving, proveOwnNumbers(pid, efd, open));
      if (seen === undefined || links === undefined) {
        const columns: Links = (links = new Links(pid, sureLinks(pid, open, proven)));
        seen = yield* part(
          proving,
          0.5,
          scan(pids, pid, (id) => columns.list(id)),
        );
      } else yield* seen.readRestless();
      const search = new TargetSearch(pid, efd, seen, links, open, proven);
      const to = 1 - (1 - from) / 4;
      const unsettled = yield* part(Math.max(from, 0.5), to, lookFor(search, seen));
      yield* search.describe();
      const targets = merged(items, known);
      const instance = yield* instanceOf({ pid, fd: efd }, seen, links);
      const now = readEpollText(file, pid, efd);
      const isSame = isText(text, now);
      const sure = isSure(pid, instance, seen, rest, targets, search, file, text);
      const isFirm = !isSame || (yield* part(to, to, sure));
      const stable = isSame && isFirm;
      if ((stable && unsettled.size === 0) || typeof now === 'string' || round === ROUNDS) {
        for (const { id, fds } of unsettled) seen.account.skip(id, 'EAGAIN', 'descriptor', fds.length || 1);
        return { instance, targets, stable, coverage: seen.account.toCoverage() };
      }
      rest = restOf(pid);
      text = now;
      items = yield* parseTargets(text);
      // A scan in which something would not hold still settles nothing, nor does a list that changed and changed back.
      known = unsettled.size === 0 && isFirm ? unchanged(targets, items) : new Map();
    }
  } finally {
    file.close();
  }
}

function* lookFor(search: TargetSearch, seen: Scan): Steps<ReadonlySet<Table>> {
  if (seen.comparable) return yield* settle(seen, (tables) => search.look(tables));
  yield* search.lookForSockets();
  return new Set();
}

/**
 * Whether the list did not change and change back: nobody who is known to have the instance has run, or it is seen to
 * stay as it is.
 */
function* isSure(
  pid: number,
  instance: readonly FileRef[],
  seen: Scan,
  rest: Rest | undefined,
  targets: readonly EpollTarget[],
  search: TargetSearch,
  file: EpollFile,
  text: Buffer,
): Steps<boolean> {
  const others = new Set(instance.map((ref) => ref.pid));
  others.delete(pid);
  const isAtRest = hasRested(pid, rest) && seen.tables.every((table) => !others.has(table.id) || seen.isStill(table));
  if (!seen.comparable || isAtRest) return true;
  return (yield* search.confirms(targets)) && (yield* isUnchanged(file, text)) && (yield* search.confirms(targets));
}

/** What comes and goes faster than it can be read is met in one state or the other. */
function* isUnchanged(file: EpollFile, text: Buffer): Steps<boolean> {
  for (let look = 0; look < LOOKS; look++) {
    yield;
    if (!isText(text, file.read())) return false;
    // Reader and changer wait for one another and would fall into step.
    for (const end = performance.now() + Math.random() * STEP; performance.now() < end; );
  }
  return true;
}

const isText = (text: Buffer, now: Buffer | string): boolean => typeof now !== 'string' && now.equals(text);

/**
 * Whoever has the instance, mostly under this very number, may wait for a server with its mutex.
 * @throws EBUSY
 */
function* requireFree({ pid, fd }: FileRef, pids: readonly number[]): Steps<void> {
  yield* requireComparable(pid);
  for (const other of new Set([pid, ...pids])) {
    yield;
    if (other !== pid && ((yield* isStuckInExec(other)) || readLink(other, fd) !== EPOLL_LINK)) continue;
    if (other !== pid && kcmpRaw(pid, other, KCMP_FILE, fd, fd) !== 0) continue;
    if (yield* mayKeepMutex(other))
      throw subjectError('EBUSY', pid, fd, `may be locked: a thread of pid ${other} waits for a server`);
  }
}

/** The text of the instance that was asked about; not to be able to read it is an error. */
export function readOwn(file: EpollFile, pid: number, efd: number): Buffer {
  const text = readEpollText(file, pid, efd);
  if (typeof text !== 'string') return text;
  throw subjectError(text, pid, text === 'EBADF' || text === 'EINVAL' ? efd : undefined);
}

/** Without this one type no target would be found, which is not to say that they are nowhere. Without any, sockets can be. */
function checkTargets(pid: number, efd: number): void {
  const result = accessToTargets();
  if (result === -EBADF || !isComparable()) return;
  throw kcmpError(result, { pid1: pid, pid2: pid, type: KCMP_EPOLL_TFD, fd1: efd, slot: { efd, tfd: 0, toff: 0 } });
}

function readEpollText(file: EpollFile, pid: number, efd: number): Buffer | string {
  // The link says what it is before its fdinfo is read, and after, since it may have become something else.
  const before = tryLink(pid, efd);
  if (typeof before !== 'string' && before.link !== EPOLL_LINK) return 'EINVAL';
  const text = typeof before === 'string' ? before : file.read();
  const link = typeof text === 'string' ? text : tryLink(pid, efd);
  if (typeof link !== 'string') return link.link === EPOLL_LINK ? text : 'EINVAL';
  const fds = listDescriptors(pid);
  if (typeof fds === 'string') return goneOrHidden(pid, fds);
  return link === 'ENOENT' ? 'EBADF' : link;
}
