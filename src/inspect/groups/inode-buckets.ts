/** Gathers open files that may share a description: those of one inode, and of one id where eventfds are many. */
import { readLink } from '../../procfs/fd.ts';
import { FdFolder } from '../../procfs/raw/fd-directory.ts';
import { S_IFMT } from '../../procfs/kind.ts';
import type { OpenFiles } from '../../scan/inode-columns.ts';
import { type Steps, WALK } from '../../scan/steps.ts';
import { ERRNO } from '../../util/errno.ts';

const { EAGAIN, EMFILE, ENOENT, ESRCH } = ERRNO;
const FEW = 32;
const BETWEEN_PAUSES = 256;
const EVENTFD_LINK = 'anon_inode:[eventfd]';
/** No device has this number. It marks eventfds, whose id stands where their shared inode was. */
const EVENTFD = -1;

/** Told of an item that could not be compared, with the errno's name. */
export type OnDrop = (item: number, code: string) => void;

/** Items by what they have in common: one head each, the rest chained behind it. */
export interface Buckets {
  heads: number[];
  next: Int32Array;
}

/** An id in common is a guess like an inode. Sorting eventfds costs a dozen calls each, reading their ids four. */
export function* splitEventfds(files: OpenFiles, items: Int32Array, onDrop: OnDrop): Steps<void> {
  if (files.isSplit === false) return;
  const eventfds = yield* pickEventfds(files, items);
  const isSplit = files.isSplit ?? eventfds.length > FEW;
  const ids = isSplit ? yield* readIds(files, eventfds) : [];
  // One whose id is not known would be kept apart from its like.
  const isKnown = (id: number): boolean => id >= 0 || id === -ENOENT || id === -ESRCH;
  // Old kernels tell none; where they tell any, what had none was another file at that moment.
  const isOfNow = (id: number): boolean => isKnown(id) || id === -EAGAIN || Number.isNaN(id);
  files.isSplit ??= ids.some((id) => id >= 0) && ids.every(isOfNow);
  if (!files.isSplit) return;
  for (const [i, id] of ids.entries()) {
    const item = eventfds[i] as number;
    if (id >= 0) {
      files.inos[item] = id;
      files.devs[item] = EVENTFD;
    } else if (!isKnown(id)) {
      files.inos[item] = -EAGAIN;
      onDrop(item, 'EAGAIN');
    }
  }
}

/** Only eventfds: the fdinfo of others may wait for a lock that somebody holds (epoll), or be long (inotify). */
function* pickEventfds(files: OpenFiles, items: Int32Array): Steps<number[]> {
  const anonymous = items.filter((item) => ((files.modes[item] as number) & S_IFMT) === 0);
  if (files.isSplit === undefined && anonymous.length <= FEW) return [];
  const eventfds: number[] = [];
  yield* visitFolders(files, anonymous, 'fd', (folder, item) => {
    if (folder?.link(files.fds[item] as number) === EVENTFD_LINK) eventfds.push(item);
  });
  return eventfds;
}

function* readIds(files: OpenFiles, items: readonly number[]): Steps<number[]> {
  const ids: number[] = [];
  yield* visitFolders(files, items, 'fdinfo', (folder, item) => {
    const fd = files.fds[item] as number;
    const id = folder === undefined ? -EMFILE : folder.eventfdId(fd);
    // What has become something else by now says nothing of what eventfds have.
    const isOther = Number.isNaN(id) && readLink(files.ids[item] as number, fd) !== EVENTFD_LINK;
    ids.push(isOther ? -EAGAIN : id);
  });
  return ids;
}

/** Visits items, which are gathered by task, with a folder of their task. */
function* visitFolders(
  files: OpenFiles,
  items: ArrayLike<number>,
  name: 'fd' | 'fdinfo',
  visit: (folder: FdFolder | undefined, item: number) => void,
): Steps<void> {
  let folder: FdFolder | undefined;
  let folderOf = -1;
  try {
    for (let i = 0; i < items.length; i++) {
      if (i % BETWEEN_PAUSES === 0) yield;
      const item = items[i] as number;
      const pid = files.ids[item] as number;
      if (pid !== folderOf) {
        folder?.close();
        folder = FdFolder.open(pid, name);
        folderOf = pid;
      }
      visit(folder, item);
    }
  } finally {
    folder?.close();
  }
}

/** By open addressing, since a Map of tens of thousands costs more than reading them. */
export function* gather({ inos, devs, length }: OpenFiles, items: Int32Array): Steps<Buckets> {
  const bits = Math.max(4, 32 - Math.clz32(items.length * 2));
  const mask = (1 << bits) - 1;
  const slots = new Int32Array(1 << bits);
  const next = new Int32Array(length).fill(-1);
  const heads: number[] = [];
  for (let i = 0; i < items.length; i++) {
    if (i % WALK === 0) yield;
    const item = items[i] as number;
    const ino = inos[item] as number;
    const dev = devs[item] as number;
    let slot = Math.imul((ino | 0) ^ Math.imul(dev, 0x85ebca6b), 0x9e3779b1) >>> (32 - bits);
    for (;;) {
      const head = (slots[slot] as number) - 1;
      if (head === -1) {
        slots[slot] = item + 1;
        heads.push(item);
        break;
      }
      if (inos[head] === ino && devs[head] === dev) {
        next[item] = next[head] as number;
        next[head] = item;
        break;
      }
      slot = (slot + 1) & mask;
    }
  }
  return { heads, next };
}
