/**
 * Network namespaces, of which each has tables of its own: which ones there are, and how to ask in another one.
 *
 * setns(2) moves the calling thread, which may be Node's main thread: whatever it does afterwards it does there, until
 * it is back. So a thread goes for as long as it takes to open a socket, which keeps the namespace that it was opened
 * in, and it goes only where it has made sure that it can come back: a process may be let in and not out again.
 *
 * A namespace is named by the inode of its /proc/PID/net/dev, which everybody may see. To look at /proc/PID/ns/net is to
 * wait for a process that is in execve(2), for ever when its files are a dead server's.
 *
 * Sources: setns(2), network_namespaces(7); netns_install() of net/core/net_namespace.c, fs/proc/proc_net.c.
 */
import { coded } from '../binding/arguments.ts';
import { errnoName } from '../binding/errors.ts';
import { syscallNumbers, wordCallRaw } from '../binding/syscall.ts';
import { codeOf, fs } from '../procfs/read.ts';
import { PROC } from '../procfs/root.ts';
import { addTo } from '../util/multimap.ts';
import { type NamespaceFile, openNamespaceFile } from './namespace-files.ts';
import { type Refusal, SockDiag } from './sock-diag.ts';
import { ERRNO as codes } from '../util/errno.ts';

const CLONE_NEWNET = 0x40000000;
const SELF = 'thread-self';
const ATTEMPTS = 10;
/** So many ways into a namespace are tried. */
const WAYS = 16;

/** What leads into a network namespace: a task that is in it, or a file that keeps it. */
export type Way = number | NamespaceFile;

/** Some network namespaces. */
export interface NetNamespaces<W extends Way = number> {
  /** The calling thread's own, whether it is among these or not; NaN where /proc does not tell. */
  own: number;
  /** What leads into each. */
  ways: Map<number, W[]>;
  /** What is not told to lead anywhere, and the errno's name: ENOENT for a task that has ended or is hidden. */
  unseen: Array<{ way: W; code: string }>;
}

function namespaceOf(task: number | typeof SELF): number | string {
  try {
    return fs().statSync(`${PROC}/${task}/net/dev`, { throwIfNoEntry: false })?.ino ?? 'ENOENT';
  } catch (error) {
    return codeOf(error);
  }
}

/** Of a file it is told there, which one may not be let to. */
function namespaceOfFile(file: NamespaceFile): number | string {
  const visited = inNetNamespace(file, undefined, () => namespaceOf(SELF));
  return typeof visited === 'string' ? visited : visited.value;
}

/**
 * `stat /proc/PID/net/dev` — which network namespaces are these?
 *
 * @param ways - processes, threads, which may be in another one than their process, and files that keep one
 * @throws Error `ERR_NETWORK_NAMESPACE_LOST`
 */
export function netNamespaces<W extends Way>(ways: Iterable<W>): NetNamespaces<W> {
  const own = namespaceOf(SELF);
  const found: NetNamespaces<W> = { own: typeof own === 'number' ? own : NaN, ways: new Map(), unseen: [] };
  for (const way of ways) {
    const namespace = typeof way === 'number' ? namespaceOf(way) : namespaceOfFile(way);
    if (typeof namespace === 'string') found.unseen.push({ way, code: namespace });
    else addTo(found.ways, namespace, way);
  }
  return found;
}

/** While this thread is in another namespace: a descriptor of its own one. */
let wayBack = -1;

const enter = (fd: number): number => wordCallRaw(syscallNumbers().setns, fd, CLONE_NEWNET, 0, 0, 0);
const close = (fd: number): number => wordCallRaw(syscallNumbers().close, fd, 0, 0, 0, 0);

/** 0 once this thread is back, else a negative errno. */
function goBack(): number {
  let result = 0;
  for (let attempt = 0; wayBack >= 0 && attempt < ATTEMPTS; attempt++) {
    result = enter(wayBack);
    if (result === 0) wayBack = -1;
  }
  return result;
}

function cannotGoBack(errno: number, cause?: unknown): never {
  const message =
    `This thread is in the network namespace of another process and cannot go back (setns: ${errnoName(errno)}). ` +
    'Whatever it connects to or listens on from now on is there: end this process.';
  throw coded(new Error(message, { cause }), 'ERR_NETWORK_NAMESPACE_LOST');
}

/** Makes good for a call that was cut off without its `finally`, as one is whose time is up in node:vm. */
function recover(): void {
  const back = goBack();
  if (back < 0) cannotGoBack(back);
}

function openNamespace(task: number | typeof SELF): number | string {
  try {
    return fs().openSync(`${PROC}/${task}/ns/net`, 'r');
  } catch (error) {
    return codeOf(error);
  }
}

/** `setns(fd, CLONE_NEWNET)`: 0, or the errno's name. */
function enterBy(way: Way): 0 | string {
  if (typeof way === 'object') return enterAndClose(openNamespaceFile(way));
  const pidfd = wordCallRaw(syscallNumbers().pidfd_open, way, 0, 0, 0, 0);
  if (pidfd >= 0) {
    const entered = enter(pidfd);
    close(pidfd);
    if (entered !== -codes.EINVAL) return entered === 0 ? 0 : errnoName(entered);
  } else if (pidfd === -codes.ESRCH) return 'ESRCH';
  // Before Linux 5.8 only a descriptor of the namespace serves, and for a thread, which is in no execve(2), as well.
  return enterAndClose(openNamespace(way));
}

function enterAndClose(there: number | string): 0 | string {
  if (typeof there === 'string') return there;
  const entered = enter(there);
  close(there);
  return entered === 0 ? 0 : errnoName(entered);
}

/**
 * `setns(fd, CLONE_NEWNET)` — does something in the network namespace of a task, and comes back whatever happens.
 *
 * @param way - a task that is in it, or a file that keeps it
 * @param namespace - as {@link netNamespaces} names it, since the pid may be another task's by now; any when left out
 * @param work - must not put anything off, which would not be done there, nor call this again
 * @returns what the work did, or the errno's name when the namespace may not be entered or left, or the task has ended
 * @throws what `work` throws, once back
 * @throws Error `ERR_NETWORK_NAMESPACE_LOST` — there is no way back; thrown by every later call as well
 */
export function inNetNamespace<T>(way: Way, namespace: number | undefined, work: () => T): { value: T } | string {
  recover();
  const own = openNamespace(SELF);
  if (typeof own === 'string') return own;
  try {
    return visit(own, way, namespace, work);
  } finally {
    if (wayBack !== own) close(own);
  }
}

function visit<T>(own: number, way: Way, namespace: number | undefined, work: () => T): { value: T } | string {
  // The way back is gone once before it is needed: it may be forbidden where the way there is not, as it is from a user
  // namespace whose network is that of its parent, and it takes room on the stack.
  wayBack = own;
  const rehearsal = goBack();
  if (rehearsal < 0) return ((wayBack = -1), errnoName(rehearsal));
  let cause: unknown;
  wayBack = own;
  try {
    const entered = enterBy(way);
    if (entered !== 0) return entered;
    return namespace === undefined || namespaceOf(SELF) === namespace ? { value: work() } : 'ESRCH';
  } catch (error) {
    throw (cause = error);
  } finally {
    const back = goBack();
    if (back < 0) cannotGoBack(back, cause);
  }
}

/**
 * Opens a socket that asks about a network namespace, which the thread need not stay in for that.
 *
 * @param namespace - as {@link netNamespaces} names it; the calling thread's own one when left out
 * @param ways - tasks that are in it, of which one has to be there still, or files that keep it
 * @throws Error `ERR_NETWORK_NAMESPACE_LOST`
 */
export function openSockDiag(namespace?: number, ways: readonly Way[] = []): SockDiag | Refusal {
  recover();
  if (namespace === undefined || namespace === namespaceOf(SELF)) return SockDiag.open();
  let code = 'ESRCH';
  for (const way of ways.slice(0, WAYS)) {
    const opened = inNetNamespace(way, namespace, () => SockDiag.open());
    if (typeof opened !== 'string') return opened.value;
    code = opened;
  }
  return { refused: 'no-namespace', code };
}
