/** Which descriptors did a process get from its parent that it should not have? */
import { errnoName } from '../binding/errors.ts';
import { accessTo } from '../binding/explain.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { listDescriptors, readLink } from '../procfs/descriptors.ts';
import { kindAt } from '../procfs/kind.ts';
import { checkProc, listTasks } from '../procfs/processes.ts';
import { readStat } from '../procfs/stat.ts';
import { Account, unseen } from './account.ts';
import { compileAllow, type Allow } from './allow.ts';
import { checkOptions, checkPid } from './arguments.ts';
import { sameWithoutKcmp } from './degraded.ts';
import { groupFiles } from './groups.ts';
import { presence } from './presence.ts';
import { goneOrHidden, subjectError } from './refused.ts';
import type { InheritedFile, InheritedOptions, InheritedReport } from './reports.ts';
import { isComparable } from './scan.ts';

const { constants } = process.getBuiltinModule('node:os');
const { inspect } = process.getBuiltinModule('node:util');

/**
 * `kcmp(pid, from, KCMP_FILE, …)` — descriptors beyond 0, 1 and 2 whose open file description a process
 * shares with its parent, or with any other process.
 *
 * @param pid - the process: 1 … 2^31−1
 * @param options.from - the other process; the parent when left out, which for an orphan is init or a subreaper
 * @param options.allow - what may be shared: descriptor numbers, link texts (`*` stands for anything), and
 *   regular expressions for link texts
 * @returns the shared descriptors, each with its number in the other process, whatever it is there
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` — a bad argument
 * @throws Error `ESRCH` — no such process, or no parent in this pid namespace; `EACCES` or `EPERM` — one of them may not be inspected
 * @throws Error `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`, `ERR_KOFFI_UNAVAILABLE`, `ERR_PROC_UNAVAILABLE`
 * @since Linux 3.5
 * @see kernel/kcmp.c
 */
export function findInherited(pid: number, options?: InheritedOptions): InheritedReport {
  checkPid(pid, 'pid');
  const { from: given, allow } = checkOptions(options) ?? {};
  if (given !== undefined) checkPid(given, 'options.from');
  const allowed = compileAllow(allow);
  checkProc();
  const from = given ?? parentOf(pid);
  const started = [startOf(pid), startOf(from)];
  const [own, theirs] = [listReadable(pid), listReadable(from)];
  const report = isComparable() ? byGroups(pid, from, allowed) : byInodes(pid, own, from, theirs, allowed);
  // What ended meanwhile had closed what it was given.
  for (const [i, subject] of [pid, from].entries()) if (startOf(subject) !== started[i]) throw subjectError('ESRCH', subject);
  return report;
}

function byGroups(pid: number, from: number, allowed: Allow): InheritedReport {
  const tasks = listTasks(from);
  // A thread of the other process may have a table of its own, which it alone had to give.
  const givers = new Set(typeof tasks === 'string' || tasks.includes(pid) ? [from] : [from, ...tasks]);
  const { groups, sharedTables, coverage } = groupFiles({ pids: [pid, from], minHolders: pid === from ? 1 : 2 });
  const inherited: InheritedFile[] = [];
  // A table in common is listed under one of the two.
  const whole = sharedTables.some(({ pid: id, sharedWith }) => [pid, from].every((subject) => subject === id || sharedWith.includes(subject)));
  for (const { holders, kind } of whole ? groupFiles({ pids: [pid], minHolders: 1 }).groups : groups) {
    const theirs = holders.filter((holder) => whole || givers.has(holder.pid));
    for (const holder of theirs.length > 0 ? holders : []) {
      const { fd } = holder;
      if (fd <= 2 || holder.pid !== pid) continue;
      const link = readLink(pid, fd);
      if (allowed(fd, link)) continue;
      const other = theirs.find((candidate) => candidate.fd === fd) ?? (theirs[0] as FileRef);
      inherited.push({ fd, from: { pid: whole ? from : other.pid, fd: other.fd }, kind, link });
    }
  }
  return { pid, from, inherited: inherited.sort((a, b) => a.fd - b.fd), coverage };
}

/** Without kcmp many cannot be told from others of their inode, so that only those are asked about that matter here. */
function byInodes(pid: number, own: number[], from: number, theirs: number[], allowed: Allow): InheritedReport {
  const account = new Account();
  account.processes = account.tasks = pid === from ? 1 : 2;
  account.descriptors = own.length + theirs.length;
  const inherited: InheritedFile[] = [];
  for (const fd of own) {
    if (fd <= 2) continue;
    const link = readLink(pid, fd);
    if (allowed(fd, link)) continue;
    // Most are inherited under the number they had.
    const guesses = theirs.includes(fd) ? [fd, ...theirs.filter((other) => other !== fd)] : theirs;
    const other = guesses.find((candidate) => sameWithoutKcmp({ pid, fd }, { pid: from, fd: candidate }, account) === true);
    if (other !== undefined) inherited.push({ fd, from: { pid: from, fd: other }, kind: kindAt(pid, fd, link), link });
  }
  return { pid, from, inherited, coverage: account.toCoverage() };
}

/** When it was started, as long as it lives: what has ended holds nothing any more, which says nothing of what it was given. */
function startOf(pid: number): bigint {
  const stat = readStat(pid);
  if (typeof stat === 'string') throw subjectError(goneOrHidden(pid, stat), pid);
  if (presence('files', stat) !== 'yes') throw subjectError('ESRCH', pid);
  return stat.startTime;
}

function parentOf(pid: number): number {
  const stat = readStat(pid);
  if (typeof stat === 'string') throw subjectError(goneOrHidden(pid, stat), pid);
  if (stat.ppid === 0) throw subjectError('ESRCH', pid, undefined, 'has no parent in this pid namespace; name the process to compare it with');
  return stat.ppid;
}

/** A task on its way out is refused to everybody, for that reason and no other. */
function refusal(code: string, pid: number): Error {
  startOf(pid);
  return subjectError(code, pid);
}

function listReadable(pid: number): number[] {
  const fds = listDescriptors(pid);
  if (typeof fds === 'string') throw refusal(goneOrHidden(pid, fds), pid);
  if (isComparable()) {
    const access = accessTo(pid);
    if (access !== -constants.errno.EINVAL) throw refusal(errnoName(access), pid);
  }
  return fds;
}

/**
 * `kcmp(pid, parent, KCMP_FILE, …)` — asserts that a process shares no descriptor beyond 0, 1 and 2 with its parent,
 * or with `options.from`; for test suites.
 *
 * @param pid, options - as for {@link findInherited}
 * @returns nothing, when nothing is shared and everything could be looked at
 * @throws AssertionError `ERR_ASSERTION` — with a table of what is shared; also when something could not be looked at
 * @throws what {@link findInherited} throws
 * @since Linux 3.5
 * @see kernel/kcmp.c
 */
export function assertNoInherited(pid: number, options?: InheritedOptions): void {
  const report = findInherited(pid, options);
  const { from, inherited, coverage } = report;
  const [missed] = unseen(coverage);
  if (inherited.length === 0 && missed === undefined) return;
  const message =
    inherited.length === 0
      ? `some descriptors of process ${pid} could not be compared: ${missed?.reason}`
      : [`process ${pid} shares ${inherited.length} descriptor${inherited.length === 1 ? '' : 's'} with process ${from}:`, ...table(inherited)].join('\n');
  // Loaded here, since it costs more than this package.
  const { AssertionError } = process.getBuiltinModule('node:assert');
  throw new AssertionError({ message, actual: inherited, expected: [], operator: 'assertNoInherited', stackStartFn: assertNoInherited });
}

/** A file's name may hold what a terminal obeys. */
const printable = (link: string | null): string => (link === null ? '?' : inspect(link).slice(1, -1));

function table(inherited: readonly InheritedFile[]): string[] {
  const rows = [['FD', 'FROM', 'KIND', 'FILE'], ...inherited.map(({ fd, from, kind, link }) => [`${fd}`, `${from.fd}`, kind, printable(link)])];
  const widths = [0, 1, 2].map((column) => rows.reduce((width, row) => Math.max(width, (row[column] as string).length), 0));
  return rows.map((row) => '  ' + row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
}
