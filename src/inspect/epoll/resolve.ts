/**
 * Resolves the targets of epoll instances of one process:
 *
 *   is it free? ── read its list ── prove own numbers ── scan ── look, and read its list again, until settled
 */
import { KCMP_EPOLL_TFD } from '../../binding/abi.ts';
import { accessToTargets, isComparable, kcmpError } from '../../binding/explain.ts';
import type { FileRef } from '../../binding/kcmp.ts';
import { inodeKey } from '../../procfs/fd.ts';
import { listProcesses } from '../../procfs/processes.ts';
import { checkProc } from '../../procfs/root.ts';
import type { Coverage } from '../../scan/coverage.ts';
import { Links } from '../../scan/link-columns.ts';
import type { hasRested } from '../../scan/rest.ts';
import { settle } from '../../scan/settle.ts';
import { part, type Steps } from '../../scan/steps.ts';
import { type Scan, scan, type Table } from '../../scan/tables.ts';
import type { Elsewhere } from '../elsewhere.ts';
import { carriersIn, lookAloft } from '../elsewhere/aloft.ts';
import { mappedAmong } from '../elsewhere/mapped.ts';
import { keptBy } from '../elsewhere/registered.ts';
import { Inodes } from './inode-classes.ts';
import { instancesOf } from './instance.ts';
import { closed, type EpollTarget, type OpenTarget } from './targets.ts';
import { InstanceView } from './view.ts';
import { requireFree } from './together/free.ts';
import { Owner } from './together/owner.ts';
import { Walks } from './walks.ts';
import { ERRNO } from '../../util/errno.ts';

const { EBADF } = ERRNO;

export interface Resolved {
  instance: FileRef[];
  targets: EpollTarget[];
  stable: boolean;
  coverage: Coverage;
}

/** So many lists are kept open at once, by which reading them again costs half. */
const FEW = 64;

/**
 * Where the files of the targets of instances of one process are: with one scan for all of them.
 * @param isExact - whether each target is to be compared however many there are
 * @returns by instance; of several, undefined for one that was closed meanwhile
 */
export function* resolveTargets(
  pid: number,
  efds: readonly number[],
  pids: readonly number[] | undefined,
  isExact: boolean,
): Steps<Array<Resolved | undefined>> {
  checkProc();
  const owner = new Owner(pid);
  yield* requireFree(owner, efds, pids ?? listProcesses());
  const all: Array<InstanceView | undefined> = [];
  try {
    for (const efd of efds) {
      all.push(viewOf(new Walks(pid, efd, isExact), efds.length));
      yield;
    }
    const views = all.filter((view) => view !== undefined);
    if (efds[0] !== undefined) checkTargets(pid, efds[0]);
    const { seen, inodes } = yield* part(0, 0.5, scanFor(views, owner, pids));
    const { unsettled, hasRun } = yield* part(0.5, 1, settleAll(owner, views, seen, inodes));
    const isStable = new Map<InstanceView, boolean>();
    const now = new Inodes(inodes.links, views.length);
    for (const view of views) {
      const isRestless = seen.comparable && view.isRestless(hasRun);
      isStable.set(view, view.isSame && !view.isAmong(unsettled) && (!isRestless || (yield* view.isSteady(now))));
    }
    for (const { id, fds } of unsettled) seen.account.skip(id, 'EAGAIN', 'descriptor', fds.length || 1);
    const dropped = new Map(views.flatMap((view) => [...view.dropped]));
    for (const [item, code] of dropped) seen.account.skip(inodes.links.ids[item] as number, code, 'descriptor');
    for (const view of views) yield* view.describe(unsettled);
    yield* tellElsewhere(
      seen,
      views.flatMap(({ targets }) => targets),
    );
    return all.map((view) => {
      if (view === undefined) return undefined;
      const { instance } = view;
      const [stable, coverage] = [isStable.get(view) === true, seen.account.toCoverage()];
      return { instance, targets: closed(view.targets), stable, coverage };
    });
  } finally {
    for (const view of all) view?.close();
  }
}

function viewOf(walks: Walks, count: number): InstanceView | undefined {
  try {
    return new InstanceView(walks, count <= FEW);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (count > 1 && (code === 'EBADF' || code === 'EINVAL')) return undefined;
    throw error;
  }
}

function* scanFor(
  views: readonly InstanceView[],
  { pid, rest }: Owner,
  pids: readonly number[] | undefined,
): Steps<{ seen: Scan; inodes: Inodes }> {
  const sure: string[] = [];
  for (const [i, view] of views.entries())
    yield* part((0.25 * i) / views.length, (0.25 * (i + 1)) / views.length, view.prove(sure));
  const links = new Links(pid, sure);
  const seen = yield* part(
    0.25,
    1,
    scan(pids, pid, (id) => links.list(id), rest),
  );
  const inodes = new Inodes(links, views.length);
  for (const view of views) view.begin(seen, inodes);
  const paced = views.filter(({ isPaced }) => isPaced);
  const instances = yield* instancesOf(
    paced.map(({ ref }) => ref),
    seen,
    links,
  );
  for (const [i, view] of paced.entries()) view.watch(instances[i] as FileRef[]);
  return { seen, inodes };
}

/** The tables that changed all the while, and whether the owner ran after all was read for the last look. */
function* settleAll(
  owner: Owner,
  views: readonly InstanceView[],
  seen: Scan,
  inodes: Inodes,
): Steps<{ unsettled: ReadonlySet<Table>; hasRun: boolean }> {
  let [round, hasRun] = [0, true];
  const look = function* (open: readonly Table[]): Steps<ReadonlySet<Table>> {
    inodes.renew(open);
    // What was read for the first look is older than that.
    const isAnew = round++ > 0 && owner.renew();
    const changed = new Set<Table>();
    const looks: Array<ReadonlySet<Table>> = [];
    for (const [i, view] of views.entries())
      looks.push(yield* part(i / views.length, (i + 1) / views.length, view.look(open, isAnew)));
    const instances = yield* instancesOf(
      views.map(({ ref }) => ref),
      seen,
      inodes.links,
    );
    for (const [i, view] of views.entries())
      for (const table of view.isOther(instances[i] as FileRef[]) ? seen.tables : (looks[i] ?? [])) changed.add(table);
    return changed;
  };
  // Of very many targets all is looked at again only if the list was seen to change.
  const isRestless = (ask: typeof hasRested): boolean => {
    hasRun = !owner.hasRested(ask);
    return seen.comparable && views.some((view) => view.mayHaveChanged(hasRun));
  };
  const unsettled = yield* settle(seen, look, isRestless);
  return { unsettled, hasRun };
}

/** What may keep the files open of which no descriptor was found. */
function* tellElsewhere(seen: Scan, targets: readonly OpenTarget[]): Steps<void> {
  const unresolved = targets.filter(({ status }) => status === 'unresolved');
  if (unresolved.length === 0) return;
  const aloft = yield* lookAloft(seen);
  // Thousands may be of one inode, as eventfds are.
  const carriers = new Map<bigint, Elsewhere[]>();
  for (const { ino } of unresolved) {
    if (ino === undefined || carriers.has(ino)) continue;
    carriers.set(
      ino,
      carriersIn(aloft, (text) => keptBy(text, ino)),
    );
    yield;
  }
  const keyOf = ({ ino = 0n, sdev = 0 }: OpenTarget): string => inodeKey(sdev, ino);
  const mapped = yield* mappedAmong(seen, new Set(unresolved.map(keyOf)));
  for (const target of unresolved) {
    const mappers = [...(mapped.get(keyOf(target)) ?? [])].map(
      ([pid, sure]): Elsewhere => ({ how: 'mapped', pid, sure }),
    );
    target.elsewhere = [...mappers, ...(carriers.get(target.ino ?? -1n) ?? [])];
  }
}

/** Without this one type no target would be found, which is not to say that they are nowhere. Without any, sockets can be. */
function checkTargets(pid: number, efd: number): void {
  const result = accessToTargets();
  if (result === -EBADF || !isComparable()) return;
  throw kcmpError(result, { pid1: pid, pid2: pid, type: KCMP_EPOLL_TFD, fd1: efd, slot: { efd, tfd: 0, toff: 0 } });
}
