/** A task and a descriptor that refer to a description, with what /proc says of them. */
import { KCMP_FILE } from '../binding/abi.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { dateOf } from '../procfs/boot.ts';
import { type Access, accessOf, type Fdinfo, O_CLOEXEC, parseFdinfo } from '../procfs/fdinfo.ts';
import { readUser } from '../procfs/processes.ts';
import { readStart } from '../procfs/raw/start.ts';
import { readThreadStat } from '../procfs/stat.ts';
import type { Table } from './tables.ts';
import { ERRNO } from '../util/errno.ts';

/** A task and a descriptor that refer to a description. What could not be read of them is left out. */
export interface Holder extends FileRef {
  /** How the description was opened: 'r', 'w', 'rw', or 'path' for O_PATH. */
  mode?: Access | 'path';
  cloexec?: boolean;
  /** The task's command name. */
  command?: string;
  /** The user that the task runs as: its effective uid. */
  uid?: number;
  /** When the task started: clock ticks since boot, field 22 of /proc/PID/stat. With the pid it names the task for good. */
  startTime?: number;
  /** The same as a date, to the second or so. */
  started?: Date;
  /** Other processes that share this whole descriptor table. */
  sharedWith?: number[];
}

const { EBADF, ESRCH } = ERRNO;

/** What is said of a task: read before its descriptors are, and seen to be the same one afterwards. */
export type TaskInfo = Pick<Holder, 'command' | 'uid' | 'startTime' | 'started'>;

const texts = new WeakMap<Holder, string>();

/** Its fdinfo, as it was when the holder was described: what it had then it may have by another number by now. */
export const fdinfoOf = (holder: Holder): string => texts.get(holder) ?? '';

/** What could be read of a task. */
export function describeTask(id: number): TaskInfo {
  const stat = readThreadStat(id);
  if (typeof stat === 'string') return {};
  const uid = readUser(id);
  const startTime = Number(stat.startTime);
  const started = dateOf(startTime);
  const task: TaskInfo = { command: stat.command };
  if (typeof uid === 'number') task.uid = uid;
  task.startTime = startTime;
  if (started !== undefined) task.started = started;
  return task;
}

/** Whether an id still is that of the task that was described. */
export function isTask(id: number, { startTime }: TaskInfo): boolean {
  const stat = startTime === undefined ? '' : readThreadStat(id);
  return stat === '' || (typeof stat !== 'string' && Number(stat.startTime) === startTime);
}

/**
 * The details of a holder; undefined when the descriptor changed while they were read, so that nobody's name stands
 * beside another's file.
 *
 * @param subject - a descriptor, and whether it is the same file; undefined where nobody ran who has either
 * @param isQuick - whether its fdinfo may be read: that of an epoll instance waits for a mutex, and an inotify's is long
 * @param known - its fdinfo, where that was read just now
 */
export function describeHolder(
  { id, sharedWith }: Table,
  fd: number,
  task: TaskInfo,
  subject: { file: FileRef; same: boolean } | undefined,
  isQuick: boolean,
  known?: Fdinfo,
): Holder | undefined {
  const holder: Holder = { pid: id, fd };
  const { flags, text } = known ?? parseFdinfo(isQuick ? readStart(id, `fdinfo/${fd}`) : '');
  texts.set(holder, text);
  if (flags !== undefined) {
    holder.mode = accessOf(flags);
    holder.cloexec = (flags & O_CLOEXEC) !== 0;
  }
  Object.assign(holder, task);
  if (subject !== undefined && !isAgain(subject, id, fd)) return undefined;
  if (sharedWith.length > 0) holder.sharedWith = sharedWith;
  return holder;
}

function isAgain({ file, same }: { file: FileRef; same: boolean }, id: number, fd: number): boolean {
  const again = kcmpRaw(file.pid, id, KCMP_FILE, file.fd, fd);
  return again !== -EBADF && again !== -ESRCH && (again < 0 || (again === 0) === same);
}
