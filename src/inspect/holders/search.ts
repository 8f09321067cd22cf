/** Looks for the subject in one table after the other, and again in those that change. */
import { KCMP_FILE } from '../../binding/abi.ts';
import { errnoName } from '../../binding/errors.ts';
import type { FileRef } from '../../binding/kcmp.ts';
import { kcmpRaw } from '../../binding/syscall.ts';
import { onInode, saysNothing } from '../../descriptions/same-inode.ts';
import { isPathOfSocket, sameWithoutKcmp } from '../../descriptions/without-kcmp.ts';
import { readLink } from '../../procfs/fd.ts';
import { FdFolder } from '../../procfs/raw/fd-directory.ts';
import { EPOLL_LINK, INOTIFY_LINK, isSocketLink } from '../../procfs/link.ts';
import { describeHolder, describeTask, isTask, type TaskInfo } from '../../scan/holder.ts';
import { readMoved } from '../../scan/settle.ts';
import { part, type Steps } from '../../scan/steps.ts';
import type { Scan, Table } from '../../scan/tables.ts';
import type { Peer } from '../peers/peer.ts';
import {
  areAlike,
  BETWEEN_PAUSES,
  CHANGED,
  countOf,
  type Found,
  isAlike,
  isHolder,
  NO_END,
  NOTHING,
  type Sighting,
  stillHolders,
} from './found.ts';
import type { Subject } from './subject.ts';
import { instancesIn } from '../watchers/lists.ts';
import { ERRNO } from '../../util/errno.ts';

const { EBADF, ESRCH } = ERRNO;
/** After so many looks that found the same holders the subject is taken to be one and the same file. */
const STEADY = 3;
/** So often what was found is asked again where it may move: in each look, and of a table that never held still. */
const AGAIN = { inLook: 4, holder: 2, other: 16 };

export class Search {
  readonly #subject: Subject;
  readonly #scan: Scan;
  readonly #peer: Peer | undefined;
  readonly #isOnInode: ReturnType<typeof onInode> | undefined;
  readonly #isQuick: boolean;
  readonly #found = new Map<Table, Found>();
  /** How many looks in a row found the same holders. */
  #steady = 0;
  /** Whether the last look was for another other end than those before, which then say nothing. */
  isAnew = false;

  /** @param peer - the other end, which is looked for as well */
  constructor(subject: Subject, scan: Scan, peer: Peer | undefined) {
    this.#subject = subject;
    this.#scan = scan;
    this.#peer = peer;
    const { link, inode } = subject;
    this.#isQuick = link !== EPOLL_LINK && link !== INOTIFY_LINK;
    this.#isOnInode = typeof inode === 'string' || saysNothing(link, inode) ? undefined : onInode(link, inode);
  }

  get #isLinkNeeded(): boolean {
    return this.#peer !== undefined || this.#isOnInode !== undefined;
  }

  foundIn(table: Table): Found {
    return this.#found.get(table) ?? NOTHING;
  }

  /** Every epoll instance: where links were read they are known, else one more walk finds them. */
  *epolls(): Steps<FileRef[]> {
    const all: FileRef[] = [];
    for (const table of this.#scan.tables) {
      yield;
      const fds = this.#isLinkNeeded ? this.foundIn(table).epolls : (yield* instancesIn(table)).efds;
      for (const fd of fds) all.push({ pid: table.id, fd });
    }
    return all;
  }

  /** All that was found to be the subject, or on its inode. */
  *sightings(): Generator<Sighting> {
    for (const table of this.#scan.tables) yield* this.foundIn(table).sightings;
  }

  /** Looks once more at whatever may have changed since; whether more of a kind was found than before. */
  *findsMore(isCounted: (one: Sighting) => boolean): Steps<boolean> {
    const before = countOf(this.sightings(), isCounted);
    yield* this.look(yield* readMoved(this.#scan));
    return countOf(this.sightings(), isCounted) > before;
  }

  /** Of a table that changed all the while only what is still so is kept. */
  *keepAgreeing(table: Table): Steps<void> {
    const found = this.foundIn(table);
    const kept: Sighting[] = [];
    for (const [i, one] of found.sightings.entries()) {
      if (i % BETWEEN_PAUSES === 0) yield;
      if (this.#isStill(one, one.result === 0 ? AGAIN.holder : AGAIN.other)) kept.push(one);
    }
    found.sightings = kept;
  }

  /** That it is the subject is one answer. That it is another file of its inode are two, which may be of two moments. */
  #isStill(one: Omit<Sighting, 'holder'>, times: number): boolean {
    const { pid, fd, result, end } = one;
    for (let time = 0; time < times; time++)
      if (!this.#subject.agrees(one) || (result !== 0 && this.#endOf(pid, fd, result) !== end)) return false;
    return true;
  }

  /** Whether the last looks found the same holders: the subject is another file when none of them is. */
  isSteady(): boolean {
    return this.#steady >= STEADY;
  }

  /** One look, as settle() wants it. */
  *look(open: readonly Table[]): Steps<ReadonlySet<Table>> {
    // What was compared with it before may have been compared with another file.
    const isRenewed = this.#found.size > 0 && !this.#subject.hasRested();
    if (isRenewed) this.#subject.renew(stillHolders(this.#found, this.#scan));
    this.isAnew = this.#peer !== undefined && (yield* this.#peer.hasMoved());
    const tables = isRenewed || this.isAnew ? this.#scan.tables : open;
    const changed = new Set<Table>();
    for (const [i, table] of tables.entries()) {
      const before = this.#found.get(table);
      const found = yield* part(i / tables.length, (i + 1) / tables.length, this.#lookAt(table));
      this.#found.set(table, found);
      if (before !== undefined && !areAlike(before.sightings.filter(isHolder), found.sightings.filter(isHolder)))
        this.#steady = -1;
      if (found.hasGone || !table.isWhole || (before !== undefined && !isAlike(before, found))) changed.add(table);
      yield i / tables.length;
    }
    this.#steady++;
    return changed;
  }

  *#lookAt(table: Table): Steps<Found> {
    const folder = this.#isLinkNeeded && table.fds.length > 0 ? FdFolder.open(table.id, 'fd') : undefined;
    try {
      return yield* this.#lookInto(table, folder);
    } finally {
      folder?.close();
    }
  }

  *#lookInto(table: Table, folder: FdFolder | undefined): Steps<Found> {
    const { stand } = this.#subject;
    const found: Found = { fds: table.fds, sightings: [], skipped: [], hasGone: false, epolls: [] };
    const mayMove = this.#found.has(table);
    let task: TaskInfo | undefined;
    for (const [i, fd] of table.fds.entries()) {
      if (i % BETWEEN_PAUSES === BETWEEN_PAUSES - 1) yield i / table.fds.length;
      const result = this.#compare(table.id, fd, found);
      if (result === -EBADF || result === -ESRCH) found.hasGone = true;
      else if (result < 0) found.skipped.push(errnoName(result));
      else {
        const end = result === 0 ? NO_END : this.#endOf(table.id, fd, result, folder, found.epolls);
        if (end === undefined || (Number.isNaN(result) && end === NO_END)) continue;
        const one = { pid: table.id, fd, result, end };
        if (end === CHANGED || (mayMove && result !== 0 && !this.#isStill(one, AGAIN.inLook))) {
          found.hasGone = true;
          continue;
        }
        task ??= describeTask(table.id);
        const holder = describeHolder(table, fd, task, { file: stand, same: result === 0 }, this.#isQuick);
        const isOther = !this.#scan.comparable && !Object.is(this.#compare(table.id, fd), result);
        if (holder === undefined || isOther) found.hasGone = true;
        // Without access to a file nobody is at an end of it.
        else if (end === NO_END || holder.mode !== 'path') found.sightings.push({ ...one, holder });
        yield;
      }
    }
    // Of an id that was given to another task meanwhile both would be told.
    if (task !== undefined && !isTask(table.id, task)) return { ...found, sightings: [], hasGone: true };
    return found;
  }

  /** The end that a descriptor of another file is of, '' when it is on the subject's inode and no more; undefined for all else. */
  #endOf(pid: number, fd: number, result: number, folder?: FdFolder, epolls?: number[]): string | undefined {
    if (!this.#isLinkNeeded) return undefined;
    const read = folder?.link(fd) ?? readLink(pid, fd);
    const link = typeof read === 'number' ? null : read;
    if (link === EPOLL_LINK) epolls?.push(fd);
    const isOnInode = this.#isOnInode?.(pid, fd, link) === true;
    // Without kcmp only inodes say that two are not one, but for a process's own.
    if (isOnInode && result === 1 && !this.#scan.comparable && pid !== process.pid) return CHANGED;
    // A socket's inode is one description but for O_PATH: one of them was another file before, or is by now.
    const isSocket = isOnInode && this.#scan.comparable && isSocketLink(link);
    if (isSocket && ![{ pid, fd }, this.#subject.stand].some(isPathOfSocket)) return CHANGED;
    return this.#peer?.endAt(pid, fd, link, isOnInode) ?? (isOnInode ? NO_END : undefined);
  }

  /** As kcmp(2) answers; NaN when it could not be told without it, which is counted. */
  #compare(pid: number, fd: number, found?: Found): number {
    const { file, stand } = this.#subject;
    if (this.#scan.comparable) return kcmpRaw(stand.pid, pid, KCMP_FILE, stand.fd, fd);
    const same = sameWithoutKcmp(file, { pid, fd }, { skip: (_, code) => void found?.skipped.push(code) });
    return same === undefined ? Number.NaN : Number(!same);
  }
}
