/** Locks in words: who keeps one, who took it, who waits for it. */
import type { FileRef, Lock, OpenFile } from '../../index.ts';
import { describeFile, list, plural } from '../../util/text.ts';
import { table } from './table.ts';
import { commandOf } from './names.ts';

/** So many are told in the first line. */
const SHOWN = 2;
const PIDS = 3;

const named = (pid: number | null): string =>
  pid === null ? 'a process outside of this pid namespace' : `${commandOf(pid)} (${pid})`;

/** `flock`, or `POSIX lock`. */
const TYPES: Readonly<Record<Lock['type'], string>> = {
  flock: 'lock (flock',
  posix: 'lock (POSIX',
  ofd: 'lock (OFD',
  lease: 'lease (',
};

function rangeOf({ start, end }: Lock): string {
  if (start === 0 && end === null) return '';
  return end === null ? `bytes ${start} to the end` : start === end ? `byte ${start}` : `bytes ${start} to ${end}`;
}

/** `lock (flock, write)`, `lock (POSIX, read, bytes 0 to 99)`, `lease (write)` */
const called = (lock: Lock): string =>
  `${[TYPES[lock.type], lock.mode, rangeOf(lock)].filter((part) => part !== '').join(', ')})`.replace('(, ', '(');

/** `sleep (4711), fd 9, and 2 more processes` */
function keepersOf(refs: readonly FileRef[]): string {
  const pids = [...new Set(refs.map(({ pid }) => pid))];
  const told = pids.slice(0, PIDS).map((pid) => {
    const fds = refs.filter((one) => one.pid === pid).map(({ fd }) => `${fd}`);
    return `${named(pid)}, fd ${list(fds)}`;
  });
  const more = pids.length > PIDS ? [plural(pids.length - PIDS, 'more process', 'more processes')] : [];
  return list([...told, ...more]);
}

/** Who took it, where that is not who keeps it. */
function takerOf({ takenBy, takerEnded, keptBy }: Lock): string {
  if (takenBy === null) return takerEnded ? 'taken by a process that has ended, or is of another pid namespace' : '';
  if (takerEnded) return `taken by pid ${takenBy}, which has ended`;
  return keptBy.length === 1 && keptBy[0]?.pid === takenBy ? '' : `taken by pid ${takenBy}`;
}

const KEPT_UNSEEN = 'kept by no descriptor that was seen';

/** `is kept by sleep (4711), fd 9, taken by pid 4710, which has ended` */
function keptAs(lock: Lock): string {
  // A POSIX lock is the process', as long as that lives.
  if (lock.keptBy.length === 0 && lock.type === 'posix' && lock.takenBy !== null && !lock.takerEnded)
    return `kept by ${named(lock.takenBy)}`;
  const kept = lock.keptBy.length === 0 ? KEPT_UNSEEN : `kept by ${keepersOf(lock.keptBy)}`;
  const taker = takerOf(lock);
  return `${kept}${taker === '' ? '' : `, ${taker}`}`;
}

/** The kernel names nobody who waits for a lock of this type. */
const UNTOLD = 'a process that could not be told';

/** @param what - what they wait for */
function waitersOf({ type, waiters }: Lock, what = 'it'): string {
  const pids = [...new Set(waiters.map(({ pid }) => pid))];
  if (pids.length === 0) return '';
  const told = pids.slice(0, PIDS).map((pid) => (pid === null && type === 'ofd' ? UNTOLD : named(pid)));
  const more = pids.length > PIDS ? [`${pids.length - PIDS} more`] : [];
  return `${list([...told, ...more])} ${pids.length === 1 ? 'waits' : 'wait'} for ${what}`;
}

/** Those that somebody waits for, and those whose taker is gone, first. */
const byWeight = (locks: readonly Lock[]): Lock[] =>
  locks.toSorted((a, b) => b.waiters.length - a.waiters.length || Number(b.takerEnded) - Number(a.takerEnded));

function clauses(locks: readonly Lock[], of: (lock: Lock) => string): string[] {
  const told = byWeight(locks).slice(0, SHOWN).map(of);
  return locks.length > SHOWN ? [...told, `${plural(locks.length - SHOWN, 'more lock')} below`] : told;
}

/** `its lock (flock, write) is kept by sleep (4711), fd 9, taken by pid 4710, which has ended; flock (4712) waits for it` */
export const locksText = (locks: readonly Lock[]): string[] =>
  clauses(locks, (lock) =>
    [`its ${called(lock)} is ${keptAs(lock)}`, waitersOf(lock)].filter((text) => text !== '').join('; '),
  );

/** `it waits for a lock (flock, write) kept by sleep (4711), fd 9` */
export const blockedText = (locks: readonly Lock[]): string[] =>
  clauses(locks, (lock) => `the ${called(lock)} that is waited for is ${keptAs(lock)}`);

/** The same file without POSIX locks of others: these are a process', and no child inherits them with a descriptor. */
export function withOwnLocks<T extends OpenFile>(file: T, own: ReadonlySet<number>): T {
  const isOwn = ({ type, keptBy }: Lock): boolean => type !== 'posix' || keptBy.some(({ pid }) => own.has(pid));
  return file.locks === undefined ? file : { ...file, locks: file.locks.filter(isOwn) };
}

/** `locked, flock (4712) waits for it`; nothing where nothing is. */
export const lockOf = ({ locks = [] }: OpenFile): string[] =>
  locks.length === 0
    ? []
    : [['locked', ...locks.map((lock) => waitersOf(lock)).filter((text) => text !== '')].join(', ')];

/** `flock (4712) waits for its lock on /tmp/x`: of the first that somebody waits for. */
export function awaitedText(files: readonly OpenFile[]): string | undefined {
  for (const { locks = [], kind, link, name } of files) {
    const awaited = locks.find(({ waiters }) => waiters.length > 0);
    if (awaited !== undefined) return waitersOf(awaited, `its lock on ${name ?? describeFile(kind, link)}`);
  }
  return undefined;
}

const COLUMNS = ['LOCK', 'MODE', 'BYTES', 'TAKEN BY', 'KEPT BY', 'WAITING'];

/** All of them, where the first line could not tell them; nothing else. */
export function lockTable(locks: readonly Lock[]): string[] {
  if (locks.length <= SHOWN) return [];
  const rows = byWeight(locks).map((lock) => [
    lock.type,
    lock.mode,
    rangeOf(lock).replace(/^bytes? /, '') || 'all',
    lock.takenBy === null ? '?' : `${lock.takenBy}${lock.takerEnded ? ' (ended)' : ''}`,
    lock.keptBy.map(({ pid, fd }) => `${pid}:${fd}`).join(' ') || '?',
    lock.waiters.map(({ pid }) => pid ?? '?').join(' '),
  ]);
  return ['', 'Locks:', '', ...table(COLUMNS, rows)];
}
