/**
 * Which epoll instances of a process have targets that are not what their numbers say: closed, or another file by now. Each
 * is compared with the descriptor of its own number only, which is enough to tell that.
 *
 * Source: get_epoll_tfile_raw_ptr() of fs/eventpoll.c, which walks through all targets for each.
 */
import { kcmpEpollRaw } from '../../binding/syscall.ts';
import { EpollFile } from '../../procfs/epoll-file.ts';
import { type EpollItem, parseEpollItems } from '../../procfs/epoll-items.ts';
import { readLink } from '../../procfs/fd.ts';
import { EPOLL_LINK } from '../../procfs/link.ts';
import { mayKeepMutex } from '../../scan/busy.ts';
import type { Steps } from '../../scan/steps.ts';
import { isText, readEpollText } from '../epoll/instance.ts';
import type { FoundFile } from '../open/found-file.ts';
import { ERRNO } from '../../util/errno.ts';

const { EBADF } = ERRNO;

/** An epoll instance, and the numbers of its targets that are not those files. */
export interface StaleEpoll {
  pid: number;
  efd: number;
  tfds: number[];
}

/** Of more targets, or instances, it is not told: each takes a walk through all of its instance. */
const [TARGETS, INSTANCES] = [1000, 64];
const BETWEEN_PAUSES = 16;

/** @param pids - whose instances are wanted */
export function* staleIn(files: readonly FoundFile[], pids: ReadonlySet<number>): Steps<StaleEpoll[]> {
  const found: StaleEpoll[] = [];
  for (const { holders } of files.filter(({ link }) => link === EPOLL_LINK).slice(0, INSTANCES)) {
    // Whoever has the instance may keep its mutex.
    let isBusy = false;
    for (const { pid } of holders) isBusy ||= yield* mayKeepMutex(pid);
    const own = holders.find(({ pid }) => pids.has(pid));
    if (own === undefined || isBusy) continue;
    const tfds = yield* staleOf(own.pid, own.fd);
    if (tfds.length > 0) found.push({ pid: own.pid, efd: own.fd, tfds });
  }
  return found;
}

/** None of an instance whose list changes meanwhile. */
function* staleOf(pid: number, efd: number): Steps<number[]> {
  const file = new EpollFile(pid, efd);
  try {
    const text = readEpollText(file, pid, efd);
    if (typeof text === 'string') return [];
    let items = parseEpollItems(text);
    if (items.length > TARGETS) return [];
    // What was closed, and is not removed yet, is so for a moment only.
    for (let look = 0; look < 2 && items.length > 0; look++) {
      const stale: EpollItem[] = [];
      for (const [i, item] of items.entries()) {
        if (i % BETWEEN_PAUSES === 0) yield;
        if (isStale(pid, efd, item)) stale.push(item);
      }
      items = stale;
    }
    return items.length > 0 && isText(text, readEpollText(file, pid, efd)) ? items.map(({ tfd }) => tfd) : [];
  } finally {
    file.close();
  }
}

function isStale(pid: number, efd: number, { tfd, toff }: EpollItem): boolean {
  const result = kcmpEpollRaw(pid, pid, tfd, efd, tfd, toff);
  return result > 0 || (result === -EBADF && readLink(pid, tfd) === null);
}
