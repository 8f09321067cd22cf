/**
 * Resolves the targets of one epoll instance:
 *
 *   is it free? ── read its list ── prove own numbers ── scan ── look, and read its list again, until settled
 */
import { KCMP_EPOLL_TFD, KCMP_FILE } from '../../binding/abi.ts';
import { accessToTargets, isComparable, kcmpError } from '../../binding/explain.ts';
import type { FileRef } from '../../binding/kcmp.ts';
import { kcmpRaw } from '../../binding/syscall.ts';
import { readLink } from '../../procfs/fd.ts';
import { EPOLL_LINK } from '../../procfs/link.ts';
import { listProcesses } from '../../procfs/processes.ts';
import { checkProc } from '../../procfs/root.ts';
import { isStuckInExec, mayKeepMutex } from '../../scan/busy.ts';
import type { Coverage } from '../../scan/coverage.ts';
import { settle } from '../../scan/settle.ts';
import { part, type Steps } from '../../scan/steps.ts';
import { requireComparable, subjectError } from '../../scan/subject.ts';
import type { Scan, Table } from '../../scan/tables.ts';
import type { Elsewhere } from '../elsewhere.ts';
import { carriersIn, lookAloft } from '../elsewhere/aloft.ts';
import { keptBy } from '../elsewhere/registered.ts';
import type { EpollTarget } from './targets.ts';
import { InstanceView } from './view.ts';
import { Walks } from './walks.ts';

const { EBADF } = process.getBuiltinModule('node:os').constants.errno;

export interface Resolved {
  instance: FileRef[];
  targets: EpollTarget[];
  stable: boolean;
  coverage: Coverage;
}

/**
 * Where the files of an instance's targets are.
 * @param isExact - whether each target is to be compared however many there are
 */
export function* resolveTargets(
  pid: number,
  efd: number,
  pids: readonly number[] | undefined,
  isExact: boolean,
): Steps<Resolved> {
  checkProc();
  yield* requireFree({ pid, fd: efd }, pids ?? listProcesses());
  const walks = new Walks(pid, efd, isExact);
  const view = new InstanceView(walks);
  try {
    checkTargets(pid, efd);
    const seen = yield* part(0, 0.5, view.scan(pids));
    const look = (open: readonly Table[]): Steps<ReadonlySet<Table>> => view.look(open);
    const isRestless = (): boolean => seen.comparable && view.isRestless();
    // Of very many targets all is looked at again only if the list was seen to change.
    const isOther = (): boolean => (walks.isPaced ? !view.isSame : isRestless());
    const unsettled = yield* part(0.5, 1, settle(seen, look, isOther));
    const stable = view.isSame && !view.isAmong(unsettled) && (!isRestless() || (yield* view.isSteady()));
    for (const { id, fds } of unsettled) seen.account.skip(id, 'EAGAIN', 'descriptor', fds.length || 1);
    yield* view.describe(unsettled);
    yield* tellElsewhere(seen, view.targets);
    return { instance: view.instance, targets: view.targets, stable, coverage: seen.account.toCoverage() };
  } finally {
    view.close();
  }
}

/** What may keep the files open of which no descriptor was found. */
function* tellElsewhere(seen: Scan, targets: readonly EpollTarget[]): Steps<void> {
  const unresolved = targets.filter(({ status, ino }) => status === 'unresolved' && ino !== undefined);
  if (unresolved.length === 0) return;
  const aloft = yield* lookAloft(seen);
  // Thousands may be of one inode, as eventfds are.
  const carriers = new Map<bigint, Elsewhere[]>();
  for (const { ino } of unresolved) {
    if (carriers.has(ino as bigint)) continue;
    carriers.set(
      ino as bigint,
      carriersIn(aloft, (text) => keptBy(text, ino as bigint)),
    );
    yield;
  }
  for (const target of unresolved) target.elsewhere = [...(carriers.get(target.ino as bigint) ?? [])];
}

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

/** Without this one type no target would be found, which is not to say that they are nowhere. Without any, sockets can be. */
function checkTargets(pid: number, efd: number): void {
  const result = accessToTargets();
  if (result === -EBADF || !isComparable()) return;
  throw kcmpError(result, { pid1: pid, pid2: pid, type: KCMP_EPOLL_TFD, fd1: efd, slot: { efd, tfd: 0, toff: 0 } });
}
