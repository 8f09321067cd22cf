/** Which descriptors did a process get from its parent, or from further up, that it should not have? */
import type { FileRef } from '../binding/kcmp.ts';
import { badValue } from '../binding/arguments.ts';
import { readOptions } from '../binding/read.ts';
import type { FileKind } from '../procfs/kind.ts';
import { isAnonymousLink } from '../procfs/link.ts';
import type { Coverage } from '../scan/coverage.ts';
import { checkPid, checkScan, type ScanOptions } from '../scan/options.ts';
import { type Asked, finish, type Steps } from '../scan/steps.ts';
import { compileAllow } from './inherited/allow.ts';
import { inheritedBy, inheritedByOneself } from './inherited/look.ts';
import { refuseInherited } from './inherited/refuse.ts';

/** A descriptor that shares its description with one of another process. */
export interface InheritedFile extends UnexplainedFile {
  /** The same description in the other process, whatever its number there; in a thread's own table, that thread's. */
  from: FileRef;
}

/** A descriptor that came through exec perhaps, and that no ancestor was seen to have. */
export interface UnexplainedFile {
  fd: number;
  kind: FileKind;
  link: string | null;
  /** What people call it, as of an open file. */
  name: string | null;
}

/** Options of {@link findInherited} and {@link assertNoInherited}. */
export interface InheritedOptions extends ScanOptions {
  /** The only process to compare with; all ancestors when left out. */
  from?: number | undefined;
  /** What may be shared: descriptor numbers, and patterns of link texts or names (a string may hold `*`). */
  allow?: Iterable<number | string | RegExp> | undefined;
  /** `ignore`: what no ancestor has, as far as these may be looked at, is not told. */
  unexplained?: 'ignore' | undefined;
}

/** What {@link findInherited} found out about one process. */
export interface InheritedReport {
  pid: number;
  /** The process that it was compared with: its parent, where all ancestors were. */
  from: number;
  inherited: InheritedFile[];
  /**
   * What stays open in what it executes, so that it may have come through exec itself, and no ancestor was seen to have:
   * whoever gave it has closed it since, or ended, or may not be looked at, which `coverage` counts, or the process opened it
   * itself. None where `from` was given.
   */
  unexplained: UnexplainedFile[];
  coverage: Coverage;
}

/**
 * `kcmp(pid, from, KCMP_FILE, …)` — descriptors beyond 0, 1 and 2 whose open file description a process
 * shares with its parent or whoever else it descends from, or with any other process.
 *
 * @param pid - the process: 1 … 2^31−1
 * @param options.from - the only process to compare with; when left out all ancestors, of which the nearest that has it is told
 * @param options.allow - what may be shared: descriptor numbers, link texts or names (`*` stands for anything), such as
 *   `tcp * listening`, and regular expressions for either
 * @param options.unexplained - `ignore`: what no ancestor has, as far as these may be looked at, is not told
 * @param options.onProgress - told how much of all the work is done, the comparing too, in thousandths
 * @returns the shared descriptors, each with its number in the other process, whatever it is there, and what nobody explains
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` — a bad argument
 * @throws Error `ESRCH` — no such process, or no parent in this pid namespace; `EACCES` or `EPERM` — it, or `from`, may not
 *   be inspected, or its parent where that may have given something; an ancestor of which that is so is counted in `coverage`
 *   while something is unexplained
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
  const { from, allow, unexplained, ...others } = readOptions(options, [
    'from',
    'allow',
    'unexplained',
    'pids',
    'onProgress',
  ]);
  if (from !== undefined) checkPid(from, 'options.from');
  if (unexplained !== undefined && unexplained !== 'ignore')
    throw badValue('options.unexplained', "'ignore'", unexplained);
  const allowed = compileAllow(allow);
  // Which processes there are to look at does not matter: these are.
  const { onProgress } = checkScan(others);
  return { steps: inheritedBy(pid, from, allowed, unexplained === 'ignore'), onProgress };
}

/**
 * `kcmp(pid, parent, KCMP_FILE, …)` — asserts that a process has no descriptor beyond 0, 1 and 2 of its parent or
 * whoever else it descends from, or of `options.from`, nor one that nobody explains; for test suites.
 *
 * @param pid - as for {@link findInherited}
 * @param options - as for {@link findInherited}; with `unexplained: 'ignore'` what no ancestor has passes
 * @returns nothing, when nothing is shared and everything could be looked at
 * @throws AssertionError `ERR_ASSERTION` — with a table of what is shared, and one of what is unexplained; also when something could not be looked at
 * @throws what {@link findInherited} throws
 * @example assertNoInherited(process.pid, { from: process.pid, allow: ['*'] }); // in a test: of a child that it started
 * @since Linux 3.5
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, kernel/kcmp.c
 */
export function assertNoInherited(pid: number, options?: InheritedOptions): void {
  refuseInherited(findInherited(pid, options), assertNoInherited);
}

/**
 * `kcmp(self, ancestor, KCMP_FILE, …)` — what this process was itself started with beyond 0, 1 and 2, as an `allow` list:
 * whoever starts a test suite may leave descriptors in it, which what the suite starts gets as well.
 *
 * @returns link texts, where these tell one file from another, else descriptor numbers
 * @throws Error `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`, `ERR_KOFFI_UNAVAILABLE`, `ERR_PROC_UNAVAILABLE`
 * @example const allow = inheritedByUs(); // for assertNoInherited(child.pid, { allow }) of what a test started
 * @since Linux 3.5
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, kernel/kcmp.c
 */
export function inheritedByUs(): Array<number | string> {
  return finish(askInheritedByUs());
}

/** {@link inheritedByUs}, in steps. */
export const askInheritedByUs = (): Asked<Array<number | string>> => ({ steps: allowedByUs() });

function* allowedByUs(): Steps<Array<number | string>> {
  const files = yield* inheritedByOneself();
  // A star would stand for anything.
  return files.map(({ fd, link }) => (link === null || isAnonymousLink(link) || link.includes('*') ? fd : link));
}
