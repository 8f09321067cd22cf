/**
 * Which epoll instances watch an open file description: their lists tell which may, by its inode, and KCMP_EPOLL_TFD
 * which do. To read a list is to take its instance's mutex, so that those are left out that somebody may keep.
 *
 * Source: ep_show_fdinfo() of fs/eventpoll.c.
 */
import type { FileRef } from '../binding/kcmp.ts';
import { type FileStat, listDescriptors } from '../procfs/fd.ts';
import type { FileKind } from '../procfs/kind.ts';
import { hasRested, type Rest, restOf } from '../scan/rest.ts';
import type { Steps } from '../scan/steps.ts';
import { isSame } from '../scan/subject.ts';
import type { Scan, Table } from '../scan/tables.ts';
import { addTo } from '../util/multimap.ts';
import { type Found, type Instances, instancesIn, lookInto, type Watcher } from './watchers/lists.ts';

/** These have no poll of their own, and epoll_ctl(2) refuses them. */
export const UNWATCHED: ReadonlySet<FileKind> = new Set<FileKind>([
  'regular',
  'directory',
  'symlink',
  'memfd',
  'namespace',
]);

/** So often those are looked at anew that may have changed meanwhile. */
const LOOKS = 8;

/**
 * Looks through the lists of epoll instances: once where nobody ran who has them, else until two looks in a row tell the same.
 * @param inode - what the file is on
 * @param epolls - every descriptor of an instance that was seen
 */
export function* findWatchers(
  file: FileRef,
  kind: FileKind,
  inode: FileStat | string,
  epolls: readonly FileRef[],
  scan: Scan,
): Steps<Watcher[]> {
  if (UNWATCHED.has(kind) || !scan.comparable || typeof inode === 'string') return [];
  const efds = new Map<number, number[]>();
  for (const { pid, fd } of epolls) addTo(efds, pid, fd);
  const known = new Map(Array.from(efds, ([pid, efds]): [number, Instances] => [pid, { efds, hasGone: false }]));
  const found = new Map<number, Found>();
  // Of one that rested all instances were seen, and what has run since matters where it has any; a kernel thread has none.
  const mayHaveMoved = (table: Table): boolean =>
    table.rest === undefined ? table.fds.length > 0 : known.has(table.id) && !scan.isStill(table);
  let open = scan.tables.filter(mayHaveMoved).map(({ id }) => id);
  const tables = new Map(scan.tables.map((table) => [table.id, table]));
  let rests = restsOf(open);
  let instances = new Map([...known, ...(yield* instancesNow(open))]);
  for (let look = 1; instances.size > 0; look++) {
    open = [];
    for (const [pid, now] of yield* lookInto(file, inode.ino, instances, scan.account)) {
      const before = found.get(pid);
      found.set(pid, now);
      const isOther = now.hasGone || before === undefined || textOf(before) !== textOf(now);
      const table = rests.has(pid) ? undefined : tables.get(pid);
      const isStill = table === undefined ? hasRested(pid, rests.get(pid)) : scan.isStill(table);
      if (isOther && !isStill) open.push(pid);
    }
    if (look === LOOKS) {
      for (const pid of open) scan.account.skip(pid, 'EAGAIN', 'descriptor');
      break;
    }
    rests = restsOf(open);
    instances = yield* instancesNow(open);
  }
  const watchers: Watcher[] = [];
  for (const one of [...found.values()].flatMap((each) => each.watchers)) {
    yield;
    const isOne = ({ pid, efd, tfd }: Watcher): boolean =>
      tfd === one.tfd && isSame({ pid, fd: efd }, { pid: one.pid, fd: one.efd });
    if (!watchers.some(isOne)) watchers.push(one);
  }
  return watchers;
}

/** The instances that tasks have by now. */
function* instancesNow(tasks: readonly number[]): Steps<Map<number, Instances>> {
  const all = new Map<number, Instances>();
  for (const id of tasks) {
    const fds = listDescriptors(id);
    all.set(id, yield* instancesIn({ id, fds: typeof fds === 'string' ? [] : fds }));
  }
  return all;
}

const restsOf = (pids: readonly number[]): Map<number, Rest | undefined> =>
  new Map(pids.map((pid) => [pid, restOf(pid)]));

/** Without the number of the instance, which may be dup'ed to and fro. */
const textOf = ({ watchers }: Found): string =>
  watchers
    .map(({ tfd, eventNames }) => `${tfd} ${eventNames.join()}`)
    .sort()
    .join('\n');
