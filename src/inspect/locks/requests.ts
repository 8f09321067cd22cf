/** Requests for locks: who waits, and which locks are in the way. Source: the conflicts of fs/locks.c. */
import type { FileRef } from '../../binding/kcmp.ts';
import { type ListedLock, type LockLine, lockKeyOf } from '../../procfs/locks.ts';
import type { Steps } from '../../scan/steps.ts';
import { isRef } from '../../scan/subject.ts';
import { addTo } from '../../util/multimap.ts';
import { isAlike, type Kept, type Keeper } from './kept.ts';
import { type Waiting, waitingOf } from './waiting.ts';

/** A request that waits. */
export interface Request extends LockLine {
  /** The descriptor by which it was made, where that is known. */
  ref?: FileRef;
  /** The lock that it was listed below. */
  below?: LockLine;
}

/** Of more locks on one file it is not asked whether they fit together. */
const FEW = 64;

const classOf = ({ type }: LockLine): string => (type === 'ofd' ? 'posix' : type);

const overlap = (a: LockLine, b: LockLine): boolean =>
  (a.end === null || b.start <= a.end) && (b.end === null || a.start <= b.end);

/**
 * Whether a lock must go before a request is met. The kernel lists a request below one lock; others may be in its way as
 * much. Whoever breaks a lease waits for the one that it is listed below.
 */
export function isInTheWay(lock: Kept, request: Request): boolean {
  if (lock.file !== request.file || classOf(lock) !== classOf(request)) return false;
  if (lock.type === 'lease') return request.below !== undefined && isAlike(request.below, lock);
  if ((lock.mode === 'read' && request.mode === 'read') || !overlap(lock, request)) return false;
  const { ref } = request;
  if (ref !== undefined) return !lock.keptBy.some((one) => isRef(one, ref));
  return lock.type !== 'posix' || request.type !== 'posix' || lock.pid !== request.pid;
}

/** Whether two of these cannot be kept at one moment: one was let go of before the other was taken. */
export function areContrary(kept: readonly Kept[]): boolean {
  const byFile = new Map<string, Kept[]>();
  for (const lock of kept) addTo(byFile, lock.file, lock);
  return [...byFile.values()].some(
    (some) => some.length <= FEW && some.some((a) => some.some((b) => a !== b && isInTheWay(a, b))),
  );
}

/**
 * The requests that wait.
 * @param kept - what descriptors show: who waits for one of no known taker is not listed
 * @param keepers - who may wait
 */
export function* requestsOf(
  listed: readonly ListedLock[],
  kept: readonly Kept[],
  keepers: readonly Keeper[],
): Steps<Request[]> {
  const requests: Request[] = listed.flatMap(({ waiters, ...below }) =>
    waiters.map((waiter) => ({ ...waiter, below })),
  );
  const isHidden = kept.some(({ type, pid }) => type === 'flock' && pid === 0);
  const nameless = requests.filter(({ type }) => type === 'ofd');
  if (!isHidden && nameless.length === 0) return requests;
  const refs = new Set(keepers.map(({ ref }) => `${ref.pid} ${ref.fd}`));
  const pids = new Set(keepers.map(({ ref }) => ref.pid));
  const waiting = (yield* waitingOf(pids)).filter(({ ref }) => refs.has(`${ref.pid} ${ref.fd}`));
  nameOfd(nameless, waiting, kept);
  for (const { ref, type, mode } of waiting) {
    const file = type === 'flock' ? lockKeyOf(ref) : undefined;
    if (file === undefined || mode === undefined) continue;
    const known = requests.find((one) => one.type === type && one.pid === ref.pid && one.file === file && !one.ref);
    if (known !== undefined) known.ref = ref;
    else requests.push({ type, mode, pid: ref.pid, file, start: 0n, end: null, ref });
  }
  return requests;
}

/**
 * Who makes the requests for OFD locks, which name nobody. Which of several on a file is whose is not told: it does not
 * matter where all of them ask for the same way past the same locks.
 */
function nameOfd(requests: readonly Request[], waiting: readonly Waiting[], kept: readonly Kept[]): void {
  const who = waiting.filter(({ type }) => type === 'ofd').map(({ ref }) => ({ ref, file: lockKeyOf(ref) }));
  for (const file of new Set(requests.map((one) => one.file))) {
    const asked = requests.filter((one) => one.file === file);
    const there = who.filter((one) => one.file === file);
    const [first] = asked as [Request];
    const isSame = (one: Request): boolean =>
      one.mode === first.mode && kept.every((lock) => isInTheWay(lock, one) === isInTheWay(lock, first));
    if (there.length !== asked.length || !asked.every(isSame)) continue;
    for (const [i, { ref }] of there.entries()) Object.assign(asked[i] as Request, { ref, pid: ref.pid });
  }
}
