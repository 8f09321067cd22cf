/**
 * What kind of object a descriptor refers to, from the text of its link and, for what has a path, its mode.
 *
 * Sources: proc_pid_fd(5); the names given to anon_inode_getfile() in Linux 6.18; fs/nsfs.c.
 */
import { statAt, statIno } from './fd.ts';
import { isQueue, mayBeQueue } from './kind/mqueue.ts';
import { mountOf, readMounts } from './kind/mountinfo.ts';
import { readText } from './read.ts';
import { PROC } from './root.ts';

/** What kind of object a description is of. */
export type FileKind =
  | 'regular'
  | 'directory'
  | 'symlink'
  | 'pipe'
  | 'fifo'
  | 'socket'
  | 'tty'
  | 'character device'
  | 'block device'
  | 'eventpoll'
  | 'eventfd'
  | 'timerfd'
  | 'signalfd'
  | 'inotify'
  | 'fanotify'
  | 'userfaultfd'
  | 'io_uring'
  | 'memfd'
  | 'message queue'
  | 'pidfd'
  | 'anonymous'
  | 'namespace'
  | 'unknown';

/** The names after `anon_inode:`. Only inotify's has no brackets. */
const ANONYMOUS: ReadonlyMap<string, FileKind> = new Map<string, FileKind>([
  ['[eventpoll]', 'eventpoll'],
  ['[eventfd]', 'eventfd'],
  ['[timerfd]', 'timerfd'],
  ['[signalfd]', 'signalfd'],
  ['inotify', 'inotify'],
  ['[fanotify]', 'fanotify'],
  ['[userfaultfd]', 'userfaultfd'],
  ['[io_uring]', 'io_uring'],
  ['[pidfd]', 'pidfd'], // before pidfs, Linux 6.9
]);

/** The names before `:[inode]`: sockets, pipes, pidfds since Linux 6.9, and namespaces. */
const NUMBERED: ReadonlyMap<string, FileKind> = new Map<string, FileKind>([
  ['socket', 'socket'],
  ['pipe', 'pipe'],
  ['pidfd', 'pidfd'],
  ...['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'].map((name) => [name, 'namespace'] as const),
]);

/** File types by their bits of st_mode, from <linux/stat.h>. */
export const S_IFMT = 0o170000;
export const S_IFREG = 0o100000;
export const S_IFDIR = 0o040000;
export const S_IFIFO = 0o010000;
export const S_IFCHR = 0o020000;
export const S_IFBLK = 0o060000;
export const S_IFSOCK = 0o140000;
const MODES: ReadonlyMap<number, FileKind> = new Map<number, FileKind>([
  [S_IFREG, 'regular'],
  [S_IFDIR, 'directory'],
  [0o120000, 'symlink'],
  [S_IFIFO, 'fifo'],
  [S_IFSOCK, 'socket'],
  [S_IFCHR, 'character device'],
  [S_IFBLK, 'block device'],
]);

const TTY = /^\/dev\/(?:pts\/\d+|tty[^/]*|console|ptmx|pts\/ptmx)(?: \(deleted\))?$/;
const ANON_INODE = 'anon_inode:';

/** The kind that the link's text alone tells; undefined for most paths. */
function kindOfText(link: string): FileKind | undefined {
  if (link.startsWith('/memfd:')) return 'memfd';
  if (link.startsWith('/')) return undefined;
  if (link.startsWith(ANON_INODE)) return ANONYMOUS.get(link.slice(ANON_INODE.length)) ?? 'anonymous';
  const bracket = link.indexOf(':[');
  return bracket < 0 ? undefined : NUMBERED.get(link.slice(0, bracket));
}

/** The kind of a file by its link and its st_mode; 'unknown' where neither tells. */
export function kindOf(link: string | null, mode?: number): FileKind {
  const kind = link === null ? undefined : kindOfText(link);
  if (kind !== undefined) return kind;
  const byMode = mode === undefined ? undefined : MODES.get(mode & S_IFMT);
  const mayBeTty = byMode === undefined || byMode === 'character device';
  return mayBeTty && link !== null && TTY.test(link) ? 'tty' : (byMode ?? 'unknown');
}

/**
 * The kind of a descriptor's file, whose link was read already.
 * @param mode - its st_mode; asked for here when left out
 */
export function kindAt(
  pid: number,
  fd: number,
  link: string | null,
  mode: number | undefined = modeAt(pid, fd),
): FileKind {
  const kind = kindOf(link, mode);
  if (kind === 'memfd' && isOnMount(pid, fd)) return kindOf(null, mode);
  if (kind !== 'regular') return kind;
  if (isNamespace(pid, fd, mode)) return 'namespace';
  return mayBeQueue(link) && isQueue(pid, fd, link) ? 'message queue' : kind;
}

/** What every namespace has, and few other files do. */
const NAMESPACE_MODE = S_IFREG | 0o444;
/** The one device of all of them; -1 where it is not told. */
let nsfs: number | undefined;

/** Whether a file with a path is a namespace: one that is mounted there, or was, as those in /run/netns are. */
function isNamespace(pid: number, fd: number, mode: number | undefined): boolean {
  if (mode !== NAMESPACE_MODE) return false;
  const stat = statIno(pid, fd);
  if (typeof stat === 'string') return false;
  if (nsfs === undefined) {
    const own = statAt(`${PROC}/thread-self/ns/net`);
    nsfs = typeof own === 'string' ? -1 : own.dev;
  }
  return stat.dev === nsfs;
}

function modeAt(pid: number, fd: number): number | undefined {
  const stat = statIno(pid, fd);
  return typeof stat === 'string' ? undefined : stat.mode;
}

/** Whether a file has a name that somebody could have given it: memfds are on a mount of the kernel's own, which is in no list. */
function isOnMount(pid: number, fd: number): boolean {
  const info = readText(`${PROC}/${pid}/fdinfo/${fd}`, 'latin1');
  return typeof info !== 'string' && mountOf(info.text, readMounts(pid)) !== undefined;
}
