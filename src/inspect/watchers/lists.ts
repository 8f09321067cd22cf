/**
 * The lists of epoll instances, as far as they tell of one open file description.
 *
 * Source: ep_show_fdinfo() of fs/eventpoll.c.
 */
import { errnoName } from '../../binding/errors.ts';
import { accessToTargets } from '../../binding/explain.ts';
import type { FileRef } from '../../binding/kcmp.ts';
import { EpollFile } from '../../procfs/epoll-file.ts';
import { parseItemsAs } from '../../procfs/epoll-items.ts';
import { linkAt } from '../../procfs/fd.ts';
import { EPOLL_LINK } from '../../procfs/link.ts';
import { FdFolder } from '../../procfs/raw/fd-directory.ts';
import { mayKeepMutex } from '../../scan/busy.ts';
import type { Steps } from '../../scan/steps.ts';
import { isSame } from '../../scan/subject.ts';
import type { Scan, Table } from '../../scan/tables.ts';
import { Walks } from '../epoll/walks.ts';
import { ERRNO } from '../../util/errno.ts';

const { EPERM } = ERRNO;
const BETWEEN_PAUSES = 256;
const GONE: ReadonlySet<string> = new Set(['EBADF', 'EINVAL', 'ENOENT', 'ESRCH']);

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

interface Item extends Omit<Watcher, 'pid' | 'efd'> {
  toff: number;
}

/** The epoll instances of one table. */
export interface Instances {
  efds: number[];
  /** Whether anything was gone when it was asked what it is. */
  hasGone: boolean;
}

/** What their lists told. */
export interface Found {
  watchers: Watcher[];
  hasGone: boolean;
}

/** Those among the descriptors of a table. */
export function* instancesIn({ id, fds }: Pick<Table, 'id' | 'fds'>): Steps<Instances> {
  const instances: Instances = { efds: [], hasGone: false };
  const folder = FdFolder.open(id, 'fd');
  try {
    for (const [i, fd] of fds.entries()) {
      if (i % BETWEEN_PAUSES === BETWEEN_PAUSES - 1) yield;
      const link = linkAt(id, fd, folder);
      if (link === undefined) instances.hasGone = true;
      else if (link === EPOLL_LINK) instances.efds.push(fd);
    }
    return instances;
  } finally {
    folder?.close();
  }
}

/** What they tell of a file on an inode, by task. */
export function* lookInto(
  file: FileRef,
  ino: bigint,
  instances: ReadonlyMap<number, Instances>,
  account: Scan['account'],
): Steps<Map<number, Found>> {
  const found = new Map(
    Array.from(instances, ([pid, { hasGone }]): [number, Found] => [pid, { watchers: [], hasGone }]),
  );
  const epolls = [...instances].flatMap(([pid, { efds }]) => efds.map((fd) => ({ pid, fd })));
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
    const own = found.get(pid) as Found;
    const walks = new Walks(pid, fd, false);
    const items = yield* itemsOn(ino, walks);
    if (typeof items === 'string') {
      own.hasGone ||= GONE.has(items);
      continue;
    }
    // A filter may refuse this comparison alone.
    if (items.length > 0 && accessToTargets() === -EPERM) account.skip(pid, 'EPERM', 'descriptor');
    for (const item of items) {
      yield* walks.rest();
      if (walks.isOver) {
        account.skip(pid, 'ETIMEDOUT', 'descriptor');
        break;
      }
      const { tfd, eventNames } = item;
      const result = walks.compare(file.pid, file.fd, item);
      if (result === 0) own.watchers.push({ pid, efd: fd, tfd, eventNames });
      if (result < 0) own.hasGone ||= GONE.has(errnoName(result));
    }
  }
  return found;
}

/** The items of an instance that may be a file on this inode; the errno's name when its list could not be read. */
function* itemsOn(ino: bigint, walks: Walks): Steps<Item[] | string> {
  const file = new EpollFile(walks.pid, walks.efd);
  try {
    const text = walks.read(file);
    if (typeof text === 'string') return text;
    // Most have nothing to do with it, and need not be parsed. The kernel before 4.13 tells no inodes.
    if (text.includes(' ino:') && !text.includes(` ino:${ino.toString(16)} `)) return [];
    const items = yield* parseItemsAs(text, (tfd, toff, _, eventNames, __, ___, at = ino): Item | undefined =>
      at === ino ? { tfd, toff, eventNames } : undefined,
    );
    walks.expect(items.length);
    return items.filter((item) => item !== undefined);
  } finally {
    file.close();
  }
}
