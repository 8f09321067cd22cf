/**
 * The scans without blocking: the same questions under the same names, with the same reports, answered in slices of at
 * most 10 ms, or one system call where that is longer, between which the event loop turns.
 *
 * Every function takes the arguments of its sister in `kcmp`, whose docstring holds for both, and a `signal` besides its
 * options. It rejects with what its sister throws, refused arguments included. An abort leaves nothing open.
 */
import { badType } from './binding/arguments.ts';
import type { FileRef } from './binding/kcmp.ts';
import { readOptions, readProperties } from './binding/read.ts';
import type { FileIdentity } from './descriptions/without-kcmp.ts';
import { askEpoll, type EpollOptions, type EpollReport } from './inspect/epoll.ts';
import { askGroups, type GroupOptions, type GroupReport } from './inspect/groups.ts';
import { askHolders, type HolderOptions, type HolderReport } from './inspect/holders.ts';
import { identifyFiles as identifyNow } from './inspect/identify.ts';
import { askInherited, askInheritedByUs, type InheritedOptions, type InheritedReport } from './inspect/inherited.ts';
import { refuseInherited } from './inspect/inherited/refuse.ts';
import { askTasks, type TaskSharing } from './inspect/tasks.ts';
import { askOpen, type OpenOptions, type OpenReport } from './inspect/open.ts';
import { type Asked, finishLater } from './scan/steps.ts';

/** What every question takes besides its own options. */
export interface Abortable {
  /**
   * Ends the question when it is aborted, with an `AbortError` (`ABORT_ERR`) whose cause is the signal's reason: an
   * AbortSignal, of which no more is asked than this.
   */
  signal?: { readonly aborted: boolean; readonly reason?: unknown } | undefined;
}

const SIGNAL = 'an instance of AbortSignal';

/** The question, which takes all options but the signal, and its answer. */
function later<T, O extends Abortable>(ask: (own: O | undefined) => Asked<T>, options: O | undefined): Promise<T> {
  const { signal } = readProperties<Abortable, 'signal'>(options, ['signal'], 'options', 'an object');
  const { aborted } = readProperties(signal, ['aborted'], 'options.signal', SIGNAL);
  if (signal !== undefined && typeof aborted !== 'boolean') throw badType('options.signal', SIGNAL, signal);
  return finishLater(ask(options && withoutSignal(options)), signal);
}

/** Whatever else it has is read of the object itself, which may have secrets that nobody else can read. */
const withoutSignal = <O extends object>(options: O): O =>
  new Proxy(Object.create(options, { signal: { value: undefined } }), {
    get: (_, key) => (key === 'signal' ? undefined : Reflect.get(options, key)),
  });

/**
 * Who refers to this open file description? As {@link index!findHolders | `findHolders` of kcmp}.
 *
 * @example (await findHolders({ pid: process.pid, fd: 1 })).holders.map(({ pid, fd, command }) => `${command} (${pid}), fd ${fd}`);
 */
export async function findHolders(file: FileRef, options?: HolderOptions & Abortable): Promise<HolderReport> {
  return later((own) => askHolders(file, own), options);
}

/**
 * Who has open what a text names? As {@link index!findOpen | `findOpen` of kcmp}.
 *
 * @example (await findOpen(':8080', { signal: AbortSignal.timeout(5000) })).files.flatMap(({ holders }) => holders.map(({ pid }) => pid));
 */
export async function findOpen(reference: string, options?: OpenOptions & Abortable): Promise<OpenReport> {
  return later((own) => askOpen(reference, own), options);
}

/**
 * Which descriptors share an open file description? As {@link index!groupFiles | `groupFiles` of kcmp}.
 *
 * @example (await groupFiles({ pids: [process.pid, process.ppid] })).groups.map(({ link, holders }) => `${link}: ${holders.length} holders`);
 */
export async function groupFiles(options?: GroupOptions & Abortable): Promise<GroupReport> {
  return later(askGroups, options);
}

/**
 * Where are the files that an epoll instance watches? As {@link index!resolveEpoll | `resolveEpoll` of kcmp}.
 *
 * @example for (const efd of listEpolls(process.pid)) console.log((await resolveEpoll(process.pid, efd)).targets.filter(({ status }) => status !== 'live'));
 */
export async function resolveEpoll(pid: number, efd: number, options?: EpollOptions & Abortable): Promise<EpollReport> {
  return later((own) => askEpoll(pid, efd, own), options);
}

/**
 * Which descriptors does a process share with those it descends from, or with another one? As {@link index!findInherited | `findInherited` of kcmp}.
 *
 * @example (await findInherited(process.pid, { allow: ['pipe:*'] })).inherited.map(({ fd, link }) => `${fd}: ${link}`);
 */
export async function findInherited(pid: number, options?: InheritedOptions & Abortable): Promise<InheritedReport> {
  return later((own) => askInherited(pid, own), options);
}

/**
 * Does it share none, but for what is allowed? As {@link index!assertNoInherited | `assertNoInherited` of kcmp}.
 *
 * @example await assertNoInherited(process.pid, { from: process.pid, allow: ['*'] }); // in a test: of a child that it started
 */
export async function assertNoInherited(pid: number, options?: InheritedOptions & Abortable): Promise<void> {
  refuseInherited(await findInherited(pid, options), assertNoInherited);
}

/**
 * What was this process itself started with? As {@link index!inheritedByUs | `inheritedByUs` of kcmp}.
 *
 * @example const allow = await inheritedByUs(); // for assertNoInherited(child.pid, { allow }) of what a test started
 */
export async function inheritedByUs(options?: Abortable): Promise<Array<number | string>> {
  return later((own) => {
    readOptions(own, ['signal']);
    return askInheritedByUs();
  }, options);
}

/**
 * Which resources do these tasks share? As {@link index!taskSharing | `taskSharing` of kcmp}.
 *
 * @example (await taskSharing([process.pid, process.ppid])).groups.files; // who shares a whole descriptor table
 */
export async function taskSharing(ids: Iterable<number>, options?: Abortable): Promise<TaskSharing> {
  return later((own) => {
    readOptions(own, ['signal']);
    return askTasks(ids);
  }, options);
}

/**
 * Are two descriptors one open file description? One comparison, which does not take slices. As {@link index!identifyFiles | `identifyFiles` of kcmp}.
 *
 * @example (await identifyFiles({ pid: process.pid, fd: 1 }, { pid: process.pid, fd: 2 })).relation;
 */
export async function identifyFiles(a: FileRef, b: FileRef): Promise<FileIdentity> {
  return identifyNow(a, b);
}
