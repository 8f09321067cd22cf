/**
 * What a process shares with nobody who was asked: whoever gave it may have closed its own since, or ended, or the process
 * opened it itself. What is closed on exec came by none, unless it was marked so since, as Node does with most of what it
 * is started with.
 */
import { linkAt } from '../../procfs/fd.ts';
import { O_CLOEXEC, readFdinfo } from '../../procfs/fdinfo.ts';
import { EPOLL_LINK } from '../../procfs/link.ts';
import { FdFolder } from '../../procfs/raw/fd-directory.ts';
import { mayKeepMutex } from '../../scan/busy.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Allow } from './allow.ts';
import type { Shared } from './pairs.ts';

/** What is open under each number: what the link reads, null where that may not be read. */
export type Listing = Map<number, string | null>;

const BETWEEN_PAUSES = 64;

/** What is open under some numbers of a task, or still is. */
export function* linksOf(pid: number, fds: readonly number[]): Steps<Listing> {
  const links: Listing = new Map();
  const folder = FdFolder.open(pid, 'fd');
  try {
    for (const [i, fd] of fds.entries()) {
      if (i % BETWEEN_PAUSES === 0) yield;
      const link = linkAt(pid, fd, folder);
      if (link !== undefined) links.set(fd, link);
    }
    return links;
  } finally {
    folder?.close();
  }
}

/** What a task has beyond 0, 1 and 2 and shares with none, as far as that was told. */
export function leftOf(own: Listing, { files, untold }: Shared, allowed: Allow): Listing {
  const known = new Set([...files.map(({ fd }) => fd), ...untold]);
  return new Map([...own].filter(([fd, link]) => fd > 2 && !known.has(fd) && !allowed(fd, link)));
}

/** Those that stay open in what is executed, or may: of an epoll instance that keeps its reader waiting nothing tells. */
export function* openOnExec(pid: number, left: Listing): Steps<Listing> {
  const open: Listing = new Map();
  for (const [fd, link] of left) {
    yield;
    const isSlow = link === EPOLL_LINK && (yield* mayKeepMutex(pid));
    const info = isSlow ? '' : readFdinfo(pid, fd);
    if (typeof info === 'string' || ((info.flags ?? 0) & O_CLOEXEC) === 0) open.set(fd, link);
  }
  return open;
}
