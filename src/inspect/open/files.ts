/** What was found as open file descriptions: of each who has it, and what it is. */
import { refusalCode } from '../../binding/explain.ts';
import { KCMP_FILE } from '../../binding/abi.ts';
import { kcmpRaw } from '../../binding/syscall.ts';
import { saysNothing } from '../../descriptions/same-inode.ts';
import { plainSocket } from '../../descriptions/without-kcmp.ts';
import { type FileStat, isClosed, readLink, statIno } from '../../procfs/fd.ts';
import type { Fdinfo } from '../../procfs/fdinfo.ts';
import { Sockets } from '../../netlink/sockets.ts';
import type { Account } from '../../scan/coverage.ts';
import { describeHolder, describeTask, isTask, type TaskInfo } from '../../scan/holder.ts';
import { part, type Steps } from '../../scan/steps.ts';
import { isRef } from '../../scan/subject.ts';
import type { Scan, Table } from '../../scan/tables.ts';
import { addTo } from '../../util/multimap.ts';
import { describeOpen, type OpenFile, readUnlessSlow, type SocketFinder } from '../open-file.ts';
import { byDescription } from '../peers/by-description.ts';
import type { Seen } from '../peers/peer.ts';
import type { Known } from './found-file.ts';
import { tellIdle } from './idle.ts';
import type { Hit } from './search.ts';

/** Of more files on one inode it is not told of each which others there are. */
const FEW = 64;
const ATTEMPTS = 3;
/** So often one is compared with those that it must not be. */
const TIMES = 8;
/** Of the work. */
const HALF = 0.5;

/** A descriptor that was found, and what it was on. */
interface Place extends Seen {
  inode: FileStat | string;
  /** Or why there is none. */
  fdinfo: Fdinfo | string;
}

/**
 * The descriptions of what was found.
 * @param account - counts what became another file meanwhile as not looked at
 */
export function* filesOf(hits: readonly Hit[], scan: Scan, known: Known, account: Account): Steps<OpenFile[]> {
  const { comparable } = scan;
  const places = yield* part(0, HALF, placesOf(hits, account));
  const groups = comparable ? yield* byDescription({ comparable, account })(places) : alone(places, account);
  const files: OpenFile[] = [];
  const onInode = new Map<string, OpenFile[]>();
  const told = new Map<string, Place[]>();
  // Of two that turn out to be one description the one stays that more stand by.
  for (const [i, group] of (groups as Place[][]).toSorted((a, b) => b.length - a.length).entries()) {
    yield HALF + (HALF * i) / groups.length;
    const [first] = group as [Place];
    const others = told.get(first.end) ?? [];
    const isOther = !comparable || others.length > FEW || isDistinct(first, others);
    const file = isOther ? yield* fileOf(group, scan, known) : undefined;
    addTo(told, first.end, first);
    if (file === undefined) {
      for (const { pid } of group) account.skip(pid, 'EAGAIN', 'descriptor');
      continue;
    }
    files.push(file);
    const [{ inode }] = group as [Place];
    if (typeof inode !== 'string' && !saysNothing(file.link, inode)) addTo(onInode, `${inode.dev} ${inode.ino}`, file);
  }
  for (const same of onInode.values()) if (same.length <= FEW) for (const file of same) tellOthers(file, same);
  yield* tellIdle(files, scan.tables);
  return files;
}

/** The holders, each task described once; what is something else by now, or somebody else's, is counted. */
function* placesOf(hits: readonly Hit[], account: Account): Steps<Place[]> {
  const byTable = new Map<Table, Hit[]>();
  for (const hit of hits) addTo(byTable, hit.table, hit);
  const places: Place[] = [];
  for (const [table, all] of byTable) {
    const task = describeTask(table.id);
    const found: Place[] = [];
    for (const hit of all) {
      const place = placeOf(hit, task);
      if (place !== undefined) found.push(place);
      yield (places.length + found.length) / hits.length;
    }
    const isSame = isTask(table.id, task);
    if (isSame) for (const place of found) places.push(place);
    const lost = all.length - (isSame ? found.length : 0);
    if (lost > 0) account.skip(table.id, 'EAGAIN', 'descriptor', lost);
  }
  return places;
}

/** The holder of one descriptor, if it is still what it was found to be. */
function placeOf({ table, fd, link }: Hit, task: TaskInfo): Place | undefined {
  const own = { pid: table.id, fd };
  const inode = statIno(table.id, fd);
  const fdinfo = readUnlessSlow(own, link);
  if (typeof fdinfo === 'string' && isClosed(fdinfo)) return undefined; // and opened again, perhaps
  const known = typeof fdinfo === 'string' ? undefined : fdinfo;
  const holder = describeHolder(table, fd, task, { file: own, same: true }, false, known);
  if (holder === undefined || readLink(table.id, fd) !== link) return undefined;
  return { ...own, end: link, holder, inode, fdinfo };
}

/** Where kcmp cannot tell: sockets are told by their inodes; all else stands alone, and that it may not be is counted. */
function alone(places: readonly Place[], account: Account): Place[][] {
  const sockets = new Map<number, Place[]>();
  const others: Place[][] = [];
  for (const place of places) {
    const ino = plainSocket(place);
    if (Number.isNaN(ino)) others.push([place]);
    else addTo(sockets, ino, place);
  }
  if (others.length > 1) for (const [{ pid }] of others as [Place][]) account.skip(pid, refusalCode(), 'descriptor');
  return [...sockets.values(), ...others];
}

/** By the first that holds still while it is described; undefined when none does. */
function* fileOf(group: readonly Place[], { comparable, tables }: Scan, known: Known): Steps<OpenFile | undefined> {
  const sockets = new Sockets(() => tables.map(({ id }) => id));
  const finder: SocketFinder = {
    *find(pid, fd, ino) {
      const socket = known.get(ino);
      return socket === undefined
        ? yield* sockets.find(pid, fd, ino)
        : { protocol: undefined, socket, refusal: undefined };
    },
  };
  try {
    for (const place of group.slice(0, ATTEMPTS)) {
      const facts = yield* describeOpen(place, place.end, place.inode, finder, place.fdinfo);
      if (isStill(place, group, comparable))
        return { ...facts, holders: group.map(({ holder }) => holder), sameInode: [] };
    }
    return undefined;
  } finally {
    sockets.close();
  }
}

/** Whether one that may have been another file, or closed, while it was compared is none of those that were told before. */
function isDistinct({ pid, fd }: Place, others: readonly Place[]): boolean {
  for (let time = 0; time < TIMES; time++)
    for (const other of others) if (kcmpRaw(pid, other.pid, KCMP_FILE, fd, other.fd) <= 0) return false;
  return true;
}

/** Whether a descriptor is what it was found to be, and the same as the others are. */
function isStill(place: Place, group: readonly Place[], comparable: boolean): boolean {
  const { pid, fd, end, inode } = place;
  const stat = statIno(pid, fd);
  if (readLink(pid, fd) !== end) return false;
  if (typeof stat !== 'string' && typeof inode !== 'string' && (stat.ino !== inode.ino || stat.dev !== inode.dev))
    return false;
  const other = group.find((one) => !isRef(one, place));
  if (!comparable || other === undefined) return true;
  const result = kcmpRaw(pid, other.pid, KCMP_FILE, fd, other.fd);
  return result <= 0;
}

/** The other ends of a pipe share its inode, and are no second open. */
function tellOthers(file: OpenFile, same: readonly OpenFile[]): void {
  const isEnd = (other: OpenFile): boolean =>
    (file.kind === 'pipe' || file.kind === 'fifo') && file.flags[0] !== other.flags[0];
  file.sameInode = same.filter((other) => other !== file && !isEnd(other)).flatMap(({ holders }) => holders);
}
