/** A task and a descriptor that refer to a description, with what /proc says of them. */
import { KCMP_FILE } from '../binding/abi.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { dateOf } from '../procfs/boot.ts';
import { type Access, accessOf, O_CLOEXEC, readFdinfo } from '../procfs/fdinfo.ts';
import { readUser } from '../procfs/processes.ts';
import { readStat } from '../procfs/stat.ts';
import type { Table } from './tables.ts';

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

const { EBADF, ESRCH } = process.getBuiltinModule('node:os').constants.errno;

/**
 * The details of a holder; undefined when the descriptor changed or the pid was reused while they were read,
 * so that nobody's name stands beside another's file.
 *
 * @param isQuick - whether its fdinfo may be read: that of an epoll instance waits for a mutex, and an inotify's is long
 */
export function describeHolder(
  { id, sharedWith }: Table,
  fd: number,
  file: FileRef,
  same: boolean,
  isQuick: boolean,
): Holder | undefined {
  const before = readStat(id);
  const holder: Holder = { pid: id, fd };
  const info = isQuick ? readFdinfo(id, fd) : 'EBUSY';
  if (typeof info !== 'string' && info.flags !== undefined) {
    holder.mode = accessOf(info.flags);
    holder.cloexec = (info.flags & O_CLOEXEC) !== 0;
  }
  if (typeof before !== 'string') {
    const uid = readUser(id);
    const after = readStat(id);
    if (typeof after === 'string' || after.startTime !== before.startTime) return undefined;
    holder.command = before.command;
    if (typeof uid === 'number') holder.uid = uid;
    holder.startTime = Number(before.startTime);
    const started = dateOf(holder.startTime);
    if (started !== undefined) holder.started = started;
  }
  const again = kcmpRaw(file.pid, id, KCMP_FILE, file.fd, fd);
  if (again === -EBADF || again === -ESRCH || (again >= 0 && (again === 0) !== same)) return undefined;
  if (sharedWith.length > 0) holder.sharedWith = sharedWith;
  return holder;
}
