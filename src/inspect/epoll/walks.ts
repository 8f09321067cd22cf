/**
 * Comparisons with the targets of one epoll instance. Each lets the kernel walk the instance's items, and keeps its mutex
 * meanwhile, as a reading of its list does: whoever waits for events gets none before it is done. Of very many targets,
 * of which a walk takes milliseconds, this work takes rests while anybody who is known to have the instance runs.
 *
 * Source: ep_find_tfd(), ep_show_fdinfo() and ep_send_events() of fs/eventpoll.c.
 */
import type { FileRef } from '../../binding/kcmp.ts';
import { kcmpEpollRaw } from '../../binding/syscall.ts';
import type { EpollFile } from '../../procfs/epoll-file.ts';
import type { EpollItem } from '../../procfs/epoll-items.ts';
import { hasRested, type Rest, restOf } from '../../scan/rest.ts';
import { Pause, type Steps } from '../../scan/steps.ts';
import { clock } from '../../util/clock.ts';
import { readEpollText } from './instance.ts';
import { ERRNO } from '../../util/errno.ts';

const { ETIMEDOUT } = ERRNO;

/** Of more targets the work takes rests. */
const MANY = 10_000;
/** Milliseconds of rest for one with the mutex. */
const REST = 14;
/** So many milliseconds with the mutex come between two rests, a walk more at most. */
const BETWEEN_RESTS = 4;
/** Milliseconds of a pause at most: an abort is noticed between two. */
const LONGEST = 50;
/** Milliseconds after which nothing more is compared, unless all is wanted however long it takes. */
const LIMIT = 60_000;
/** Whether more processes ran is not asked. */
const FEW = 16;

/** What names a target. */
type Slot = Pick<EpollItem, 'tfd' | 'toff'>;

export class Walks {
  readonly pid: number;
  readonly efd: number;
  /** Whether there are so many targets that the work takes rests. */
  isPaced = false;
  readonly #isExact: boolean;
  #end = Infinity;
  /** Milliseconds with the mutex since the last rest. */
  #held = 0;
  /** How it was with those who are known to have the instance; undefined while that is not known. */
  #rests: Map<number, Rest | undefined> | undefined;

  /** @param isExact - whether each target is to be compared however many there are */
  constructor(pid: number, efd: number, isExact: boolean) {
    this.pid = pid;
    this.efd = efd;
    this.#isExact = isExact;
  }

  /** Whether the inode of a socket may do instead of a walk. */
  get takesInodes(): boolean {
    return this.isPaced && !this.#isExact;
  }

  /** Whether the time is up. */
  get isOver(): boolean {
    return this.isPaced && clock() > this.#end;
  }

  /** Whether a rest is due. */
  get isDue(): boolean {
    return this.isPaced && this.#held > BETWEEN_RESTS;
  }

  /** To be told how many targets there are. */
  expect(targets: number): void {
    if (this.isPaced || targets <= MANY) return;
    this.isPaced = true;
    if (!this.#isExact) this.#end = clock() + LIMIT;
  }

  /** To be told which processes have the instance. */
  watch(pids: Iterable<number>): void {
    const all = new Set(pids);
    this.#rests = all.size > FEW ? undefined : new Map(Array.from(all, (pid) => [pid, restOf(pid)]));
  }

  /** kcmp(2)'s own answer about a descriptor and a target, or a negative errno: ETIMEDOUT when the time is up. */
  compare(id: number, fd: number, { tfd, toff }: Slot): number {
    if (!this.isPaced) return kcmpEpollRaw(id, this.pid, fd, this.efd, tfd, toff);
    const start = clock();
    if (start > this.#end) return -ETIMEDOUT;
    const result = kcmpEpollRaw(id, this.pid, fd, this.efd, tfd, toff);
    this.#held += clock() - start;
    return result;
  }

  isFile({ pid, fd }: FileRef, target: Slot): boolean {
    return this.compare(pid, fd, target) === 0;
  }

  /** Whether a target's own number is its file: the common case. */
  isAtOwnNumber(target: Slot): boolean {
    return this.compare(this.pid, target.tfd, target) === 0;
  }

  /** The list of targets as it is now, or the errno's name. */
  read(file: EpollFile): Buffer | string {
    const start = clock();
    const text = readEpollText(file, this.pid, this.efd);
    this.#held += clock() - start;
    return text;
  }

  /** A pause, and the rest that is due. */
  *rest(): Steps<void> {
    yield;
    if (!this.isDue) return;
    if (this.#isUsed())
      for (let left = REST * this.#held; left > 0; left -= LONGEST) yield new Pause(Math.min(left, LONGEST));
    this.#held = 0;
  }

  /** Whether anybody who has the instance may have run since this was asked before. */
  #isUsed(): boolean {
    if (this.#rests === undefined) return true;
    let isUsed = false;
    for (const [pid, rest] of this.#rests) {
      if (hasRested(pid, rest)) continue;
      isUsed = true;
      this.#rests.set(pid, restOf(pid));
    }
    return isUsed;
  }
}
