/**
 * Looks at a process and at whoever may have given it what it has.
 *
 *   its parent ── what is left may be of somebody further up
 *        └─ all its ancestors ── what is left of that nobody explains
 */
import { kindAt } from '../../procfs/kind.ts';
import { codeOf } from '../../procfs/read.ts';
import { checkProc } from '../../procfs/root.ts';
import { readStat } from '../../procfs/stat.ts';
import { Account, type Coverage, unseen } from '../../scan/coverage.ts';
import { hasRested, type Rest, restOf } from '../../scan/rest.ts';
import { part, type Steps } from '../../scan/steps.ts';
import { listComparable, requireComparable, requireTask, subjectError } from '../../scan/subject.ts';
import { livingTask } from '../../scan/task-state.ts';
import type { Allow } from './allow.ts';
import { type Ancestors, ancestorsOf, asParentOf } from './ancestors.ts';
import { leftOf, type Listing, linksOf, openOnExec } from './left.ts';
import { type Named, named } from './named.ts';
import type { Shared, SharedFile } from './pairs.ts';
import { sharedWith } from './shared.ts';

/** What is told of a process. */
export interface Found {
  pid: number;
  from: number;
  inherited: Array<Named<SharedFile>>;
  unexplained: Array<Named<Omit<SharedFile, 'from'>>>;
  coverage: Coverage;
}

type Told = Omit<Found, 'pid'>;

interface Look extends Shared {
  rest: Rest | undefined;
  /** What it shares with none of those that were asked, and of that what may have come through exec. */
  left: Listing;
  open: Listing;
}

/** Of a parent that may not be asked, or is outside. */
const UNREAD: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EBUSY', 'ESRCH']);
/** So often all is looked at again for what was opened, or who has ended, meanwhile. */
const ATTEMPTS = 4;
/** So much of the work is done when the parent was looked at, and when what is shared gets its names. */
const [PARENT, NAMING] = [0.5, 0.8];

/**
 * @param given - the only one with whom it is compared; its ancestors when left out
 * @throws ESRCH, EACCES, EPERM, EBUSY
 */
export function* inheritedBy(
  pid: number,
  given: number | undefined,
  allowed: Allow,
  ignoresUnexplained = false,
): Steps<Found> {
  checkProc();
  yield* requireComparable(pid);
  const task = livingTask(pid);
  for (let attempt = 1; ; attempt++) {
    const started = requireTask(task).startTime;
    const found = yield* given === undefined
      ? ofAncestors(task, allowed, ignoresUnexplained)
      : ofOne(task, given, allowed);
    // What ended meanwhile had closed what it was given.
    if (requireTask(task).startTime !== started) throw subjectError('ESRCH', task);
    if (found !== undefined) return { pid, ...found };
    if (attempt === ATTEMPTS) throw subjectError('EAGAIN', task, undefined, 'has another parent each time');
  }
}

/** What the calling process was started with; of what no ancestor may be asked about, what it would give to others. */
export function* inheritedByOneself(): Steps<Array<{ fd: number; link: string | null }>> {
  const { pid } = process;
  try {
    const { inherited, unexplained } = yield* inheritedBy(pid, undefined, () => false);
    return [...inherited, ...unexplained];
  } catch (error) {
    if (!UNREAD.has(codeOf(error))) throw error;
    const own = yield* linksOf(pid, yield* listComparable(pid));
    const open = yield* openOnExec(pid, own);
    return Array.from(open, ([fd, link]) => ({ fd, link })).filter(({ fd }) => fd > 2);
  }
}

function* ofOne(task: number, from: number, allowed: Allow): Steps<Told> {
  yield* requireComparable(from);
  const giver = livingTask(from);
  yield* listComparable(giver);
  const { startTime } = requireTask(giver);
  const look = yield* part(0, NAMING, lookAt(task, [giver], allowed));
  const inherited = yield* part(
    NAMING,
    1,
    named(task, [giver], look.files, allowed, () => hasRested(task, look.rest)),
  );
  if (requireTask(giver).startTime !== startTime) throw subjectError('ESRCH', from);
  return { from, inherited, unexplained: [], coverage: look.coverage };
}

/** Undefined when one of them has ended meanwhile, so that there are others by now. */
function* ofAncestors(task: number, allowed: Allow, ignores: boolean): Steps<Told | undefined> {
  const ancestors = ancestorsOf(task);
  const [from, ...others] = ancestors;
  const births = birthsOf(ancestors);
  let look = yield* part(0, PARENT, lookAt(task, [from], allowed));
  if (others.length > 0 && look.left.size > 0) look = yield* part(PARENT, NAMING, lookAt(task, ancestors, allowed));
  const inherited = yield* part(
    NAMING,
    1,
    named(task, ancestors, look.files, allowed, () => hasRested(task, look.rest)),
  );
  const unexplained = ignores ? [] : yield* namedLeft(task, ancestors, look.open, allowed);
  if (births !== birthsOf(ancestorsOf(task))) return undefined;
  const coverage = unexplained.length > 0 ? look.coverage : yield* withoutUnread(task, ancestors, look, allowed);
  return { from, inherited, unexplained, coverage };
}

const birthsOf = (ancestors: Ancestors): string =>
  ancestors
    .map((pid) => {
      const stat = readStat(pid);
      return `${pid} ${typeof stat === 'string' ? '' : stat.startTime}`;
    })
    .join();

function* lookAt(task: number, givers: readonly number[], allowed: Allow): Steps<Look> {
  for (let attempt = 1; ; attempt++) {
    const rest = restOf(task);
    const before = yield* linksOf(task, yield* listComparable(task));
    const shared = yield* sharedWith(task, [...before.keys()], givers, allowed);
    const left = leftOf(yield* linksOf(task, yield* listComparable(task)), shared, allowed);
    const open = yield* openOnExec(task, left);
    const moved = [...open].filter(([fd, link]) => before.get(fd) !== link).map(([fd]) => fd);
    if (moved.length > 0 && attempt < ATTEMPTS) continue;
    for (const fd of moved) open.delete(fd);
    const account = new Account();
    if (moved.length > 0) account.skip(task, 'EAGAIN', 'descriptor', moved.length);
    shared.coverage.skipped.push(...account.skipped);
    return { ...shared, rest, left, open };
  }
}

const namedLeft = (
  task: number,
  givers: readonly number[],
  left: Listing,
  allowed: Allow,
): Steps<Found['unexplained']> => {
  const files = Array.from(left, ([fd, link]) => ({ fd, kind: kindAt(task, fd, link), link }));
  return named(task, givers, files, allowed, () => true);
};

/**
 * Who may not be looked at matters only while something is unexplained; but a parent also while anything is left, since it
 * may have given that and marked it, or the process has.
 * @throws EACCES, EPERM, EBUSY of the parent
 */
function* withoutUnread(task: number, ancestors: Ancestors, { coverage, left }: Look, allowed: Allow): Steps<Coverage> {
  const unread = unseen(coverage).filter(({ pid, unit }) => unit === 'process' && ancestors.includes(pid));
  const isParent = unread.some(({ pid }) => pid === ancestors[0]);
  if (isParent && (yield* namedLeft(task, ancestors, left, allowed)).length > 0)
    yield* requireParent(task, ancestors[0]);
  return { ...coverage, skipped: coverage.skipped.filter((one) => !unread.includes(one)) };
}

function* requireParent(task: number, parent: number): Steps<void> {
  try {
    yield* requireComparable(parent);
    yield* listComparable(parent);
  } catch (error) {
    throw asParentOf(task, error);
  }
}
