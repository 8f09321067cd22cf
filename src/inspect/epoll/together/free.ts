/** Whether the instances of a process can be looked at without a wait for somebody who keeps their mutex. */
import { KCMP_FILE } from '../../../binding/abi.ts';
import { kcmpRaw } from '../../../binding/syscall.ts';
import { listDescriptors } from '../../../procfs/fd.ts';
import { isStuckInExec, mayKeepMutex } from '../../../scan/busy.ts';
import type { Steps } from '../../../scan/steps.ts';
import { requireComparable, subjectError } from '../../../scan/subject.ts';
import type { Owner } from './owner.ts';

/** Of more instances only those are compared whose number another process has open. */
const MANY = 64;

/**
 * Whoever has an instance, mostly under this very number, may wait for a server with its mutex.
 * @throws EBUSY
 */
export function* requireFree({ pid, rest }: Owner, efds: readonly number[], pids: readonly number[]): Steps<void> {
  yield* requireComparable(pid);
  for (const other of new Set([pid, ...pids])) {
    yield;
    if (other !== pid && (yield* isStuckInExec(other))) continue;
    const shared = other === pid ? efds[0] : sharedOf(pid, efds, other);
    if (shared !== undefined && (yield* mayKeepMutex(other, other === pid ? rest : undefined)))
      throw subjectError('EBUSY', pid, shared, `may be locked: a thread of pid ${other} waits for a server`);
  }
}

/** One of many instances that another process has under the same number; undefined where it has none. */
function sharedOf(pid: number, efds: readonly number[], other: number): number | undefined {
  const fds = efds.length > MANY ? listDescriptors(other) : '';
  const open = typeof fds === 'string' ? undefined : new Set(fds);
  return efds.find((fd) => open?.has(fd) !== false && kcmpRaw(pid, other, KCMP_FILE, fd, fd) === 0);
}
