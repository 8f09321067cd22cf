/** Which descriptors did a process get from its parent that it should not have? */
import { isComparable } from '../binding/explain.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { readOptions } from '../binding/read.ts';
import { Sockets } from '../netlink/sockets.ts';
import type { FileKind } from '../procfs/kind.ts';
import { inodeOf, isSocketLink } from '../procfs/link.ts';
import { listTasks } from '../procfs/processes.ts';
import { checkProc } from '../procfs/root.ts';
import type { Coverage } from '../scan/coverage.ts';
import { checkPid, checkScan, type ScanOptions } from '../scan/options.ts';
import { hasRested, restOf } from '../scan/rest.ts';
import { livingTask } from '../scan/task-state.ts';
import { type Asked, finish, part, type Steps } from '../scan/steps.ts';
import { listComparable, requireComparable, requireTask, subjectError } from '../scan/subject.ts';
import { groupsOf } from './groups.ts';
import { type Allow, compileAllow } from './inherited/allow.ts';
import { addPairs, byInodes, type Shared, type SharedFile } from './inherited/pairs.ts';
import { asParentOf, parentOf } from './inherited/parent.ts';
import { refuseInherited } from './inherited/refuse.ts';
import { nameOfOpen } from './groups/name.ts';

/** A descriptor that shares its description with one of another process. */
export interface InheritedFile {
  fd: number;
  /** The same description in the other process, whatever its number there; in a thread's own table, that thread's. */
  from: FileRef;
  kind: FileKind;
  link: string | null;
  /** What people call it, as of an open file. */
  name: string | null;
}

/** Options of {@link findInherited} and {@link assertNoInherited}. */
export interface InheritedOptions extends ScanOptions {
  /** The process to compare with; the parent when left out. */
  from?: number | undefined;
  /** What may be shared: descriptor numbers, and patterns of link texts or names (a string may hold `*`). */
  allow?: Iterable<number | string | RegExp> | undefined;
}

/** What {@link findInherited} found out about one process. */
export interface InheritedReport {
  pid: number;
  from: number;
  inherited: InheritedFile[];
  coverage: Coverage;
}

/**
 * `kcmp(pid, from, KCMP_FILE, …)` — descriptors beyond 0, 1 and 2 whose open file description a process
 * shares with its parent, or with any other process.
 *
 * @param pid - the process: 1 … 2^31−1
 * @param options.from - the other process; the parent when left out, which for an orphan is init or a subreaper
 * @param options.allow - what may be shared: descriptor numbers, link texts or names (`*` stands for anything), such as
 *   `tcp * listening`, and regular expressions for either
 * @param options.onProgress - told how much of all the work is done, the comparing too, in thousandths
 * @returns the shared descriptors, each with its number in the other process, whatever it is there
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` — a bad argument
 * @throws Error `ESRCH` — no such process, or no parent in this pid namespace; `EACCES` or `EPERM` — one of them may not be inspected
 * @throws Error `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`, `ERR_KOFFI_UNAVAILABLE`, `ERR_PROC_UNAVAILABLE`
 * @example findInherited(process.pid, { allow: ['pipe:*'] }).inherited.map(({ fd, link }) => `${fd}: ${link}`);
 * @since Linux 3.5
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, kernel/kcmp.c
 */
export function findInherited(pid: number, options?: InheritedOptions): InheritedReport {
  return finish(askInherited(pid, options));
}

/** {@link findInherited}, in steps. */
export function askInherited(pid: number, options: InheritedOptions | undefined): Asked<InheritedReport> {
  checkPid(pid, 'pid');
  const { from, allow, ...others } = readOptions(options, ['from', 'allow', 'pids', 'onProgress']);
  if (from !== undefined) checkPid(from, 'options.from');
  const allowed = compileAllow(allow);
  // Which processes there are to look at does not matter: two are.
  return { steps: inheritedOf(pid, from, allowed), onProgress: checkScan(others).onProgress };
}

function* inheritedOf(pid: number, given: number | undefined, allowed: Allow): Steps<InheritedReport> {
  checkProc();
  yield* requireComparable(pid);
  const task = livingTask(pid);
  const from = given ?? parentOf(task);
  try {
    return { ...(yield* sharedWith(task, from, allowed)), pid };
  } catch (error) {
    throw given === undefined ? asParentOf(task, error) : error;
  }
}

function* sharedWith(pid: number, from: number, allowed: Allow): Steps<InheritedReport> {
  yield* requireComparable(from);
  const rest = restOf(pid);
  const started = [pid, from].map((subject) => requireTask(subject).startTime);
  const own = yield* listComparable(pid);
  const theirs = yield* listComparable(from);
  const shared = isComparable()
    ? yield* part(0, NAMING, byGroups(pid, from, allowed))
    : yield* part(0, NAMING, byInodes(pid, own, from, theirs, allowed));
  const { coverage, files } = shared;
  if (isComparable()) yield* addPairs(pid, own, from, theirs, allowed, shared);
  const inherited = yield* part(
    NAMING,
    1,
    named(pid, from, files, () => hasRested(pid, rest)),
  );
  // What ended meanwhile had closed what it was given.
  for (const [i, subject] of [pid, from].entries())
    if (requireTask(subject).startTime !== started[i]) throw subjectError('ESRCH', subject);
  return { pid, from, inherited: inherited.filter(({ fd, name }) => !allowed(fd, name)), coverage };
}

/** So much of the work is done when what is shared gets its names. */
const NAMING = 0.8;

/** So many are named between two pauses. */
const BETWEEN_PAUSES = 16;

/** @param isStill - whether nothing under the numbers of the process asked about can have changed */
function* named(pid: number, from: number, files: SharedFile[], isStill: () => boolean): Steps<InheritedFile[]> {
  const inos = files.map(({ link }) => (isSocketLink(link) ? inodeOf(link as string) : 0)).filter((ino) => ino > 0);
  const sockets = new Sockets(() => [pid, from], inos);
  function* pause(i: number): Steps<void> {
    if (i % BETWEEN_PAUSES > 0) return;
    // Whoever asks about this very process meanwhile would find what it asks with.
    sockets.close();
    yield i / files.length;
  }
  const inherited: InheritedFile[] = [];
  try {
    for (const [i, { fd, from: other, kind, link }] of files.sort((a, b) => a.fd - b.fd).entries()) {
      yield* pause(i);
      const name = (yield* nameOfOpen({ pid, fd }, { kind, link }, sockets)) ?? null;
      inherited.push({ fd, from: other, kind, link, name });
    }
    // Two files by turns may be read as one: then whoever gave it calls it otherwise.
    if (isStill()) return inherited;
    for (const [i, file] of inherited.entries()) {
      yield* pause(i);
      if (file.name !== (yield* nameOfOpen(file.from, file, sockets))) file.name = null;
    }
    return inherited;
  } finally {
    sockets.close();
  }
}

function* byGroups(pid: number, from: number, allowed: Allow): Steps<Shared> {
  const tasks = listTasks(from);
  // A thread of the other process may have a table of its own, which it alone had to give.
  const givers = new Set(typeof tasks === 'string' || tasks.includes(pid) ? [from] : [from, ...tasks]);
  const { groups, sharedTables, coverage } = yield* part(0, 0.9, groupsOf([pid, from], pid === from ? 1 : 2, false));
  const files: SharedFile[] = [];
  // A table in common is listed under one of the two.
  const whole = sharedTables.some(({ pid: id, sharedWith }) =>
    [pid, from].every((subject) => subject === id || sharedWith.includes(subject)),
  );
  for (const { holders, kind, link } of whole ? (yield* part(0.9, 1, groupsOf([pid], 1, false))).groups : groups) {
    yield;
    const theirs = holders.filter((holder) => whole || givers.has(holder.pid));
    const sameNumber = new Map(theirs.toReversed().map((holder) => [holder.fd, holder]));
    for (const holder of theirs.length > 0 ? holders : []) {
      const { fd } = holder;
      if (fd <= 2 || holder.pid !== pid || allowed(fd, link)) continue;
      const other = sameNumber.get(fd) ?? (theirs[0] as FileRef);
      files.push({ fd, from: { pid: whole ? from : other.pid, fd: other.fd }, kind, link });
    }
  }
  return { files, coverage };
}

/**
 * `kcmp(pid, parent, KCMP_FILE, …)` — asserts that a process shares no descriptor beyond 0, 1 and 2 with its parent,
 * or with `options.from`; for test suites.
 *
 * @param pid - as for {@link findInherited}
 * @param options - as for {@link findInherited}
 * @returns nothing, when nothing is shared and everything could be looked at
 * @throws AssertionError `ERR_ASSERTION` — with a table of what is shared; also when something could not be looked at
 * @throws what {@link findInherited} throws
 * @example assertNoInherited(process.pid, { from: process.pid, allow: ['*'] }); // in a test: of a child that it started
 * @since Linux 3.5
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, kernel/kcmp.c
 */
export function assertNoInherited(pid: number, options?: InheritedOptions): void {
  refuseInherited(findInherited(pid, options), assertNoInherited);
}
