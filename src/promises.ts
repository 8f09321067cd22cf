/**
 * The scans without blocking: the same questions under the same names, with the same reports, answered in slices of at
 * most 10 ms, or one system call where that is longer, between which the event loop turns.
 *
 * Every function takes a `signal` besides its options. Its abort rejects with an `AbortError` (`ABORT_ERR`), whose cause is
 * the signal's reason, and leaves nothing open. Arguments that are refused reject too. Otherwise each rejects with what
 * its sister of the same name throws.
 */
import { badType } from './binding/arguments.ts';
import type { FileRef } from './binding/kcmp.ts';
import { readOptions } from './binding/read.ts';
import type { FileIdentity } from './descriptions/without-kcmp.ts';
import { askEpoll, type EpollReport } from './inspect/epoll.ts';
import { askGroups, type GroupOptions, type GroupReport } from './inspect/groups.ts';
import { askHolders, type HolderOptions, type HolderReport } from './inspect/holders.ts';
import { identifyFiles as identifyNow } from './inspect/identify.ts';
import { askInherited, type InheritedOptions, type InheritedReport, refuseInherited } from './inspect/inherited.ts';
import { askTasks, type TaskSharing } from './inspect/tasks.ts';
import type { ScanOptions } from './scan/options.ts';
import { type Asked, finishLater } from './scan/steps.ts';

/** Options besides those of the question. */
export interface Abortable {
  /** Ends the scan when it is aborted: an AbortSignal, of which no more is asked than this. */
  signal?: { readonly aborted: boolean; readonly reason?: unknown };
}

const SIGNAL = 'an instance of AbortSignal';

function later<T>(asked: Asked<T>, options: Abortable | undefined): Promise<T> {
  const { signal } = readOptions(options, ['signal']);
  const { aborted } = readOptions(signal, ['aborted'], 'options.signal', SIGNAL);
  if (signal !== undefined && typeof aborted !== 'boolean') throw badType('options.signal', SIGNAL, signal);
  return finishLater(asked, signal);
}

/** {@inheritDoc index!findHolders} */
export async function findHolders(file: FileRef, options?: HolderOptions & Abortable): Promise<HolderReport> {
  return later(askHolders(file, options), options);
}

/** {@inheritDoc index!groupFiles} */
export async function groupFiles(options?: GroupOptions & Abortable): Promise<GroupReport> {
  return later(askGroups(options), options);
}

/** {@inheritDoc index!resolveEpoll} */
export async function resolveEpoll(pid: number, efd: number, options?: ScanOptions & Abortable): Promise<EpollReport> {
  return later(askEpoll(pid, efd, options), options);
}

/** {@inheritDoc index!findInherited} */
export async function findInherited(pid: number, options?: InheritedOptions & Abortable): Promise<InheritedReport> {
  return later(askInherited(pid, options), options);
}

/** {@inheritDoc index!assertNoInherited} */
export async function assertNoInherited(pid: number, options?: InheritedOptions & Abortable): Promise<void> {
  refuseInherited(await findInherited(pid, options), assertNoInherited);
}

/** {@inheritDoc index!taskSharing} */
export async function taskSharing(ids: Iterable<number>, options?: Abortable): Promise<TaskSharing> {
  return later(askTasks(ids), options);
}

/** {@inheritDoc index!identifyFiles} */
export async function identifyFiles(a: FileRef, b: FileRef): Promise<FileIdentity> {
  return identifyNow(a, b);
}
