/** The plain data that the inspectors answer with. */
import type { FileRef } from '../binding/kcmp.ts';
import type { TaskResource } from '../binding/abi.ts';

/** Options of every inspector that looks at many processes. */
export interface ScanOptions {
  /** The processes to look at; every process of /proc when left out. */
  pids?: Iterable<number>;
  /** Told now and then how many processes are done. */
  onProgress?: (done: number, total: number) => void;
}

/** Something that a scan could not look at. */
export interface Skipped {
  pid: number;
  /** Why: `EPERM` refused, `EACCES` not listed, `ESRCH` ended meanwhile, `EBADF` closed meanwhile, … */
  code: string;
  /** How many of `unit`. */
  count: number;
  unit: 'process' | 'task' | 'descriptor';
  /** The code in words. */
  reason: string;
}

/** What a scan could and could not see. Processes seen plus processes skipped are all that were asked for. */
export interface Coverage {
  /** Processes whose descriptors were read. */
  processes: number;
  /** Tasks with a descriptor table of their own that were read: one a process, and one more for a thread that unshared. */
  tasks: number;
  /** Descriptors that were looked at. */
  descriptors: number;
  skipped: Skipped[];
}

/** One target of an epoll instance, as /proc/PID/fdinfo/EFD prints it. */
export interface EpollItem {
  /** The number it was registered under; only a label. */
  tfd: number;
  /** How many earlier items have the same `tfd`. */
  toff: number;
  /** The event mask, u32. */
  events: number;
  /** The mask in words; unknown bits in hex. */
  eventNames: string[];
  /** What epoll_wait(2) hands back, u64. */
  data: bigint;
  /** File offset; since Linux 4.13. */
  pos?: number;
  /** The file's inode number; since Linux 4.13. */
  ino?: bigint;
  /** The kernel's internal device number, `major << 20 | minor`; since Linux 4.13. */
  sdev?: number;
}

/**
 * `live`: fd `tfd` of the process is this file. `renumbered`: the process holds it under other numbers only.
 * `foreign`: only other processes hold it. `unresolved`: no descriptor that could be read is this file.
 */
export type TargetStatus = 'live' | 'renumbered' | 'foreign' | 'unresolved';

/** How it was found out that two descriptors share a description, or that they do not. */
export type Via = 'kcmp' | 'dupfd-query' | 'socket-inode' | 'different-inode' | 'same-descriptor' | 'none';

/** A target, and where its file is now. */
export interface EpollTarget extends EpollItem {
  status: TargetStatus;
  /** Every task and descriptor that refers to the target's file. */
  holders: FileRef[];
  /** What fd `tfd` of the process is today, as its /proc link reads; null when it is not open. */
  numberNow: string | null;
  /** Fd `tfd` of the process is open as another file: such a target reports events nobody expects. */
  numberReused: boolean;
  /** Why it is unresolved: `unseen`, everything was read (in flight, or held by the kernel); `unreadable`, something was skipped. */
  reason?: 'unseen' | 'unreadable';
  /** What the answer rests on, where it is not kcmp. */
  via?: Via;
}

/** What {@link resolveEpoll} found out about one epoll instance. */
export interface EpollReport {
  pid: number;
  efd: number;
  /** Every descriptor of this epoll instance. */
  instance: FileRef[];
  /** In the kernel's order. */
  targets: EpollTarget[];
  /** Whether the list of targets was the same before and after the answers were found. */
  stable: boolean;
  coverage: Coverage;
}

/** What kind of object a description is of. */
export type FileKind =
  | 'regular' | 'directory' | 'symlink' | 'pipe' | 'fifo' | 'socket' | 'tty' | 'character device' | 'block device'
  | 'eventpoll' | 'eventfd' | 'timerfd' | 'signalfd' | 'inotify' | 'fanotify' | 'userfaultfd' | 'io_uring' | 'memfd' | 'pidfd'
  | 'anonymous' | 'namespace' | 'unknown';

/** A task and a descriptor that refer to a description. What could not be read of them is left out. */
export interface Holder extends FileRef {
  /** How the description was opened: 'r', 'w', 'rw', or 'path' for O_PATH. */
  mode?: 'r' | 'w' | 'rw' | 'path';
  cloexec?: boolean;
  /** The task's command name. */
  command?: string;
  /** When the task started: clock ticks since boot, field 22 of /proc/PID/stat. */
  startTime?: bigint;
  /** Other processes that share this whole descriptor table. */
  sharedWith?: number[];
}

/** What {@link findHolders} found out about one descriptor. */
export interface HolderReport {
  file: FileRef;
  kind: FileKind;
  /** The text of /proc/PID/fd/FD. */
  link: string | null;
  /** Who refers to this open file description, the file asked about included. */
  holders: Holder[];
  /** Who refers to another description of the same inode: a second open, the other end of a pipe. */
  sameInode: Holder[];
  coverage: Coverage;
}

/** One open file description, and every descriptor that refers to it. */
export interface FileGroup {
  /** 1, 2, … in the order of lowest pid, then fd; good within one report only. */
  id: number;
  kind: FileKind;
  link: string | null;
  holders: FileRef[];
}

/** The open file descriptions that {@link groupFiles} found. */
export interface GroupReport {
  groups: FileGroup[];
  /** Processes that share one whole descriptor table: listed under `pid`, the others named. */
  sharedTables: Array<{ pid: number; sharedWith: number[] }>;
  coverage: Coverage;
}

/** Options of {@link groupFiles}. */
export interface GroupOptions extends ScanOptions {
  /** Groups of fewer holders are left out; 2 when left out. */
  minHolders?: number;
}

/** A descriptor that shares its description with one of another process. */
export interface InheritedFile {
  fd: number;
  /** The same description in the other process, whatever its number there; in a thread's own table, that thread's. */
  from: FileRef;
  kind: FileKind;
  link: string | null;
}

/** Options of {@link findInherited} and {@link assertNoInherited}. */
export interface InheritedOptions {
  /** The process to compare with; the parent when left out. */
  from?: number;
  /** What may be shared: descriptor numbers, and patterns of link texts (a string may hold `*`). */
  allow?: Iterable<number | string | RegExp>;
}

/** What {@link findInherited} found out about one process. */
export interface InheritedReport {
  pid: number;
  from: number;
  inherited: InheritedFile[];
  coverage: Coverage;
}

/**
 * `shared`, `separate`; `none`: neither has one (zombies, kernel threads); `shared-or-none`: the kernel cannot
 * tell these two apart; `unknown`: the comparison failed with `code`.
 */
export type SharingVerdict = 'shared' | 'separate' | 'none' | 'shared-or-none' | 'unknown';

/** Two tasks, and whether they share a resource. */
export interface TaskPair {
  a: number;
  b: number;
  verdict: SharingVerdict;
  code?: string;
}

/** What {@link taskSharing} found out about tasks. */
export interface TaskSharing {
  tasks: number[];
  /** For each resource, every pair of tasks. */
  resources: Record<TaskResource, TaskPair[]>;
}

/** What {@link identifyFiles} found out, and by which means. */
export interface FileIdentity {
  relation: 'same' | 'different' | 'unknown';
  via: Via;
  /** Why it stays unknown. */
  reason?: string;
}
