/** Looks for the subject in one table after the other, and again in those that change. */
import { KCMP_FILE } from '../../binding/abi.ts';
import { errnoName } from '../../binding/errors.ts';
import { kcmpRaw } from '../../binding/syscall.ts';
import { onInode } from '../../descriptions/same-inode.ts';
import { sameWithoutKcmp } from '../../descriptions/without-kcmp.ts';
import { EPOLL_LINK, INOTIFY_LINK, isAnonymousLink } from '../../procfs/link.ts';
import { describeHolder, type Holder } from '../../scan/holder.ts';
import { part, type Steps } from '../../scan/steps.ts';
import type { Scan, Table } from '../../scan/tables.ts';
import type { Subject, Witness } from './subject.ts';

const { EBADF, ESRCH } = process.getBuiltinModule('node:os').constants.errno;
const BETWEEN_PAUSES = 256;

/** A descriptor that is the subject, or shares its inode. */
export interface Sighting extends Witness {
  holder: Holder;
}

/** What one look at a table found. */
interface Found {
  fds: readonly number[];
  sightings: Sighting[];
  /** Codes of what could not be compared. */
  skipped: string[];
  /** Whether something was closed, or became another file, while it was looked at. */
  hasGone: boolean;
}

const NOTHING: Found = { fds: [], sightings: [], skipped: [], hasGone: false };

export class Search {
  readonly #subject: Subject;
  readonly #scan: Scan;
  readonly #isOnInode: ((pid: number, fd: number) => boolean) | undefined;
  readonly #isQuick: boolean;
  readonly #found = new Map<Table, Found>();

  constructor(subject: Subject, scan: Scan) {
    this.#subject = subject;
    this.#scan = scan;
    const { link, inode } = subject;
    this.#isQuick = link !== EPOLL_LINK && link !== INOTIFY_LINK;
    this.#isOnInode = isAnonymousLink(link) || typeof inode === 'string' ? undefined : onInode(link, inode);
  }

  foundIn(table: Table): Found {
    return this.#found.get(table) ?? NOTHING;
  }

  /** All that was found to be the subject, or on its inode. */
  *sightings(): Generator<Sighting> {
    for (const table of this.#scan.tables) yield* this.foundIn(table).sightings;
  }

  /** Of a table that changed all the while only what is still so is kept. */
  *keepAgreeing(table: Table): Steps<void> {
    const found = this.foundIn(table);
    const kept: Sighting[] = [];
    for (const [i, one] of found.sightings.entries()) {
      if (i % BETWEEN_PAUSES === 0) yield;
      if (this.#subject.agrees(one) && this.#subject.agrees(one)) kept.push(one);
    }
    found.sightings = kept;
  }

  /** One look, as settle() wants it. */
  *look(tables: readonly Table[]): Steps<ReadonlySet<Table>> {
    const changed = new Set<Table>();
    for (const [i, table] of tables.entries()) {
      const before = this.#found.get(table);
      const found = yield* part(i / tables.length, (i + 1) / tables.length, this.#lookAt(table, before));
      this.#found.set(table, found);
      if (found.hasGone || !table.isWhole || (before !== undefined && !isAlike(before, found))) changed.add(table);
      yield i / tables.length;
    }
    return changed;
  }

  /** Looks once more at what may have changed: is it in more places by now? */
  *findsMore(): Steps<boolean> {
    const { tables, comparable } = this.#scan;
    if (!comparable) return false;
    const before = this.#count();
    const restless: Table[] = [];
    for (const table of tables) {
      if (!this.#scan.isStill(table)) restless.push(table);
      yield;
    }
    for (const table of restless) yield* this.#scan.readAgain(table);
    yield* this.look([...restless, ...(yield* this.#scan.readBorn())]);
    return this.#count() > before;
  }

  #count(): number {
    let count = 0;
    for (const { result } of this.sightings()) if (result === 0) count++;
    return count;
  }

  *#lookAt(table: Table, before: Found | undefined): Steps<Found> {
    const { file } = this.#subject;
    const found: Found = { fds: table.fds, sightings: [], skipped: [], hasGone: false };
    for (const [i, fd] of table.fds.entries()) {
      if (i % BETWEEN_PAUSES === BETWEEN_PAUSES - 1) yield i / table.fds.length;
      const result = this.#compare(table.id, fd);
      if (result === -EBADF || result === -ESRCH) found.hasGone = true;
      else if (result < 0) found.skipped.push(errnoName(result));
      else if (result === 0 || (result > 0 && this.#isOnInode?.(table.id, fd) === true)) {
        // To describe it takes longer than all else, in which too much moves to be looked at again.
        const known = before?.sightings.find((one) => one.fd === fd && one.result === result)?.holder;
        const holder = known ?? describeHolder(table, fd, file, result === 0, this.#isQuick);
        if (holder === undefined) found.hasGone = true;
        else found.sightings.push({ pid: table.id, fd, result, holder });
        yield;
      }
    }
    return found;
  }

  /** As kcmp(2) answers; NaN when it could not be told without it, which is counted. */
  #compare(pid: number, fd: number): number {
    const { file } = this.#subject;
    if (this.#scan.comparable) return kcmpRaw(file.pid, pid, KCMP_FILE, file.fd, fd);
    const same = sameWithoutKcmp(file, { pid, fd }, this.#scan.account);
    return same === undefined ? Number.NaN : Number(!same);
  }
}

/** Whether two looks at a table found the same. */
function isAlike(a: Found, b: Found): boolean {
  return (
    a.fds.length === b.fds.length &&
    a.sightings.length === b.sightings.length &&
    a.fds.every((fd, i) => fd === b.fds[i]) &&
    a.sightings.every(({ fd, result }, i) => fd === b.sightings[i]?.fd && result === b.sightings[i]?.result)
  );
}
