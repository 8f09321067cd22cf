/**
 * Which epoll instances watch an open file description: their lists tell which may, by its inode, and KCMP_EPOLL_TFD
 * which do. To read a list is to take its instance's mutex, so that those are left out that somebody may keep.
 *
 * Source: ep_show_fdinfo() of fs/eventpoll.c.
 */
import { accessToTargets } from '../binding/explain.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { EpollFile } from '../procfs/epoll-file.ts';
import { parseItemsAs } from '../procfs/epoll-items.ts';
import type { FileStat } from '../procfs/fd.ts';
import type { FileKind } from '../procfs/kind.ts';
import { mayKeepMutex } from '../scan/busy.ts';
import type { Steps } from '../scan/steps.ts';
import { isSame } from '../scan/subject.ts';
import type { Scan } from '../scan/tables.ts';
import { Walks } from './epoll/walks.ts';
import { ERRNO } from '../util/errno.ts';

const { EPERM } = ERRNO;

/** An epoll instance that watches a description. */
export interface Watcher {
  /** The process, and its descriptor of the epoll instance. */
  pid: number;
  efd: number;
  /** The number that it was registered under; only a label. */
  tfd: number;
  /** What for: 'EPOLLIN', … */
  eventNames: string[];
}

/** These have no poll of their own, and epoll_ctl(2) refuses them. */
export const UNWATCHED: ReadonlySet<FileKind> = new Set<FileKind>([
  'regular',
  'directory',
  'symlink',
  'memfd',
  'namespace',
]);

interface Item extends Omit<Watcher, 'pid' | 'efd'> {
  toff: number;
}

/**
 * Looks through the lists of epoll instances.
 * @param inode - what the file is on
 * @param epolls - every descriptor of an instance that was seen
 */
export function* findWatchers(
  file: FileRef,
  kind: FileKind,
  inode: FileStat | string,
  epolls: readonly FileRef[],
  { comparable, account }: Scan,
): Steps<Watcher[]> {
  const watchers: Watcher[] = [];
  if (UNWATCHED.has(kind) || !comparable || typeof inode === 'string') return watchers;
  const { ino } = inode;
  const kept: FileRef[] = [];
  const isBusy = new Map<number, boolean>();
  for (const epoll of epolls) {
    const { pid } = epoll;
    if (!isBusy.has(pid)) isBusy.set(pid, yield* mayKeepMutex(pid));
    if (isBusy.get(pid) === true) kept.push(epoll);
  }
  for (const { pid, fd } of epolls) {
    yield;
    // Whoever has the same instance may keep its mutex as well.
    if (kept.some((other) => isSame(other, { pid, fd }))) {
      account.skip(pid, 'EBUSY', 'descriptor');
      continue;
    }
    const walks = new Walks(pid, fd, false);
    const items = yield* itemsOn(ino, walks);
    // A filter may refuse this comparison alone.
    if (items.length > 0 && accessToTargets() === -EPERM) account.skip(pid, 'EPERM', 'descriptor');
    for (const item of items) {
      yield* walks.rest();
      if (walks.isOver) {
        account.skip(pid, 'ETIMEDOUT', 'descriptor');
        break;
      }
      if (!walks.isFile(file, item)) continue;
      const { tfd, eventNames } = item;
      const isTold = watchers.some((one) => one.tfd === tfd && isSame({ pid: one.pid, fd: one.efd }, { pid, fd }));
      if (!isTold) watchers.push({ pid, efd: fd, tfd, eventNames });
    }
  }
  return watchers;
}

/** The items of an instance that may be a file on this inode; none when it is none any more. */
function* itemsOn(ino: bigint, walks: Walks): Steps<Item[]> {
  const file = new EpollFile(walks.pid, walks.efd);
  try {
    const text = walks.read(file);
    // Most have nothing to do with it, and need not be parsed. The kernel before 4.13 tells no inodes.
    if (typeof text === 'string' || (text.includes(' ino:') && !text.includes(` ino:${ino.toString(16)} `))) return [];
    const items = yield* parseItemsAs(text, (tfd, toff, _, eventNames, __, ___, at = ino): Item | undefined =>
      at === ino ? { tfd, toff, eventNames } : undefined,
    );
    walks.expect(items.length);
    return items.filter((item) => item !== undefined);
  } finally {
    file.close();
  }
}
