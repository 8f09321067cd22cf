/**
 * Whether a file that looks like a regular one is a POSIX message queue: whether it is on a filesystem of them, of which each
 * IPC namespace has one. Nothing is asked of the file itself, whose server may be dead.
 *
 * Source: mq_overview(7), proc_pid_mountinfo(5); ipc/mqueue.c.
 */
import { addressOfBytes, pathCallRaw, syscallNumbers, wordCallRaw } from '../../binding/syscall.ts';
import { type FileStat, statIno } from '../fd.ts';
import { O_CLOEXEC, readFdinfo } from '../fdinfo.ts';
import { mountOf, readMounts } from './mountinfo.ts';
import { readText } from '../read.ts';
import { PROC } from '../root.ts';

/** mq_open(3) knows names without a folder, and so prints them; others come by a mount, which is there as a rule. */
const NAME = /^\/(?:dev\/mqueue\/)?([^/]+)$/;
const MOUNT = /^\d+ \d+ (\d+):(\d+) .* - mqueue /gm;
/** The size of each queue, whatever is in it. */
const FILENT_SIZE = 80n;
const O_NONBLOCK = 0o4000;

/** Whether a link may be that of a queue at all. */
export const mayBeQueue = (link: string | null): link is string => link !== null && NAME.test(link);

/** @param link - which {@link mayBeQueue} */
export function isQueue(pid: number, fd: number, link: string): boolean {
  const stat = statIno(pid, fd);
  if (typeof stat === 'string') return false;
  for (const task of [pid, 'thread-self']) {
    const mounts = readText(`${PROC}/${task}/mountinfo`, 'latin1');
    if (typeof mounts === 'string') continue;
    for (const [, major, minor] of mounts.text.matchAll(MOUNT))
      if (((Number(major) << 20) | Number(minor)) === stat.dev) return true;
  }
  return stat.dev === deviceOfOwn(NAME.exec(link)?.[1] ?? '') || looksUnlinked(pid, fd, stat);
}

/** What has no name, or one in another IPC namespace: on no mount that is known, and as long as the line that it tells of itself. */
function looksUnlinked(pid: number, fd: number, { dev, more }: FileStat): boolean {
  if (dev >>> 20 !== 0 || more?.size !== FILENT_SIZE || more.allocated !== 0n) return false;
  const info = readFdinfo(pid, fd);
  return (
    typeof info !== 'string' && [pid, process.pid].every((task) => mountOf(info.text, readMounts(task)) === undefined)
  );
}

/** The device of a queue of this name in this process' own IPC namespace; undefined when it may not be read or there is none. */
function deviceOfOwn(name: string): number | undefined {
  const { mq_open, close } = syscallNumbers();
  const bytes = Buffer.from(`${name}\0`);
  const fd = pathCallRaw(mq_open, addressOfBytes(bytes), O_NONBLOCK | O_CLOEXEC, 0, 0);
  if (fd < 0) return undefined;
  const stat = statIno(process.pid, fd);
  wordCallRaw(close, fd, 0, 0, 0, 0);
  return typeof stat === 'string' ? undefined : stat.dev;
}
