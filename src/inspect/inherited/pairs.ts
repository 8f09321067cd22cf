/** What two processes share, told one pair of descriptors after another: where groups cannot tell. */
import type { FileRef } from '../../binding/kcmp.ts';
import { sameWithoutKcmp } from '../../descriptions/without-kcmp.ts';
import { readLink } from '../../procfs/fd.ts';
import { type FileKind, kindAt } from '../../procfs/kind.ts';
import { type Account, type Coverage, unseen } from '../../scan/coverage.ts';
import type { Steps } from '../../scan/steps.ts';
import { isSame } from '../../scan/subject.ts';
import { addTo } from '../../util/multimap.ts';
import type { Allow } from './allow.ts';

/** A descriptor that shares its description with one of another process, before it has a name. */
export interface SharedFile {
  fd: number;
  from: FileRef;
  kind: FileKind;
  link: string | null;
}

/** What is shared, and what could be looked at. */
export interface Shared {
  files: SharedFile[];
  /** The descriptors that could not be told apart from others. */
  untold: Set<number>;
  coverage: Coverage;
}

/** Another process, with its descriptors. */
export interface Giver {
  pid: number;
  fds: readonly number[];
}

/** So many pairs are compared at most: some 50 milliseconds' work. */
const MOST = 100_000;
const BETWEEN_PAUSES = 256;

/**
 * Adds what groups could not tell for all that moved beside it. A pair that is the same each time that it is looked at,
 * also after all the others, is shared, whatever the rest does; what is not found in this way stays counted as skipped.
 */
export function* addPairs(
  pid: number,
  own: readonly number[],
  { pid: from, fds: theirs }: Giver,
  allowed: Allow,
  { files, coverage }: Shared,
): Steps<void> {
  if (!unseen(coverage).some(({ unit }) => unit === 'descriptor')) return;
  const known = new Set(files.map(({ fd }) => fd));
  const byLink = new Map<string | null, number[]>();
  for (const other of theirs) {
    yield;
    addTo(byLink, readLink(from, other), other);
  }
  const found: Array<Omit<SharedFile, 'kind'>> = [];
  let pairs = 0;
  for (const fd of own) {
    yield;
    const link = readLink(pid, fd);
    if (fd <= 2 || known.has(fd) || link === null || allowed(fd, link)) continue;
    for (const other of sameNumberFirst(fd, byLink.get(link) ?? [])) {
      if (++pairs > MOST) break;
      if (pairs % BETWEEN_PAUSES === 0) yield;
      if (!isSameFile({ pid, fd }, { pid: from, fd: other }, link)) continue;
      found.push({ fd, from: { pid: from, fd: other }, link });
      break;
    }
  }
  for (const { fd, from: other, link } of found) {
    yield;
    const kind = kindAt(pid, fd, link);
    // It may have been closed for a moment, or another file, also just then.
    if (kind !== kindAt(other.pid, other.fd, link)) continue;
    if (kind !== 'unknown' && isSameFile({ pid, fd }, other, link)) files.push({ fd, from: other, kind, link });
  }
}

/** Most are inherited under the number they had. */
const sameNumberFirst = (fd: number, others: readonly number[]): readonly number[] =>
  others.includes(fd) ? [fd, ...others.filter((other) => other !== fd)] : others;

/** Whether two descriptors are one description under this link, before and after the links were read. */
const isSameFile = (a: FileRef, b: FileRef, link: string | null): boolean =>
  isSame(a, b) && readLink(a.pid, a.fd) === link && readLink(b.pid, b.fd) === link && isSame(a, b);

/** Without kcmp many cannot be told from others of their inode, so that only those are asked about that matter here. */
export function* byInodes(
  pid: number,
  own: readonly number[],
  givers: readonly Giver[],
  allowed: Allow,
  account: Account,
): Steps<Shared> {
  account.processes = account.tasks = new Set([pid, ...givers.map((giver) => giver.pid)]).size;
  account.descriptors = givers.reduce((count, { fds }) => count + fds.length, own.length);
  const files: SharedFile[] = [];
  const untold = new Set<number>();
  for (const [i, fd] of own.entries()) {
    yield i / own.length;
    if (fd <= 2 || allowed(fd, readLink(pid, fd))) continue;
    const file = yield* sharedOf({ pid, fd }, givers, account);
    if (file === 'untold') untold.add(fd);
    else if (file !== undefined) files.push(file);
  }
  return { files, untold, coverage: account.toCoverage() };
}

/** Undefined where none of them has it. */
function* sharedOf(
  { pid, fd }: FileRef,
  givers: readonly Giver[],
  account: Account,
): Steps<SharedFile | 'untold' | undefined> {
  let isTold = true;
  for (const { pid: from, fds } of givers) {
    for (const other of sameNumberFirst(fd, fds)) {
      yield;
      const isSame = sameWithoutKcmp({ pid, fd }, { pid: from, fd: other }, account);
      isTold &&= isSame !== undefined;
      if (isSame !== true) continue;
      // Either may be another file by now.
      const link = readLink(pid, fd);
      const kind = kindAt(pid, fd, link);
      if (readLink(from, other) === link && kindAt(from, other, link) === kind)
        return { fd, from: { pid: from, fd: other }, kind, link };
      account.skip(pid, 'EAGAIN', 'descriptor');
      return 'untold';
    }
  }
  return isTold ? undefined : 'untold';
}
