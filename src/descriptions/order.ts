/**
 * Gathers descriptors by open file description. Descriptors close and change while they are compared: what a second
 * look finds out of place is taken out and looked up anew, and what is out of place again and again never holds still.
 *
 * Two that hold still are always told right when they are compared; only one that moved between them can keep the same
 * apart, or bring others together. So of two leaders out of order the one goes that fewer stand by, and once anything
 * has moved, a look is believed only when the next one finds the same.
 */
import { KCMP_FILE } from '../binding/abi.ts';
import { errnoName } from '../binding/errors.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { groupBy, type Groups, join, search } from '../util/merge-sort.ts';

/** So often out of place, one never holds still. */
const PATIENCE = 8;
/** So few leaders are compared pair by pair once something has moved, which no mover can mislead. */
const FEW = 100;
const ATTEMPTS = 3;

/** Descriptors as parallel arrays; an item is an index into them. */
export interface Descriptors {
  ids: ArrayLike<number>;
  fds: ArrayLike<number>;
}

export const refAt = ({ ids, fds }: Descriptors, item: number): FileRef => ({
  pid: ids[item] as number,
  fd: fds[item] as number,
});

/** kcmp(2)'s own answer about two items, or a negative errno. */
export const kcmpItems = ({ ids, fds }: Descriptors, a: number, b: number): number =>
  kcmpRaw(ids[a] as number, ids[b] as number, KCMP_FILE, fds[a] as number, fds[b] as number);

/** A leader, and how many stand by it, itself included. */
interface Group {
  leader: number;
  size: number;
}

export class DescriptionOrder {
  /** By item: the next member of its group, or -1. */
  readonly next: Int32Array;
  /** Whether anything was found to move or close since this was last set to false. */
  hasMoved = false;
  readonly #from: Descriptors;
  /** By item: how often it was out of place; from PATIENCE on it is out for good. */
  readonly #misses: Uint8Array;
  readonly #onDrop: (item: number, code: string) => void;

  /** @param onDrop - told of every descriptor that could not be compared, with the errno's name */
  constructor(from: Descriptors, onDrop: (item: number, code: string) => void) {
    this.#from = from;
    this.#misses = new Uint8Array(from.ids.length);
    this.next = new Int32Array(from.ids.length).fill(-1);
    this.#onDrop = onDrop;
  }

  /** kcmp's order of two items: -1, 0 or 1. One that is out goes first wherever it stands, which moves no other. */
  readonly compare = (a: number, b: number): number => {
    if (this.#isOut(a)) return -1;
    if (this.#isOut(b)) return 1;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const result = kcmpItems(this.#from, a, b);
      if (result >= 0) return result === 1 ? -1 : result;
      if (this.#isClosed(a)) return -1;
      if (this.#isClosed(b)) return 1;
      // Neither fails by itself: one was closed for a moment only.
      this.hasMoved = true;
    }
    return -1;
  };

  /**
   * Groups items by description; those that could not be compared are left out.
   * Read-only afterwards: `next` holds the members of each leader.
   */
  group(items: Int32Array): Groups {
    // One that stands alone is never compared with another, so it is compared with itself.
    if (items.length === 1 && this.#isClosed(items[0] as number))
      return { leaders: new Int32Array(0), next: this.next };
    let { leaders } = groupBy(items, this.compare, this.next);
    if (items.length < 2) return { leaders, next: this.next };
    let needed = 1;
    for (let looks = 0; looks < needed; looks++) {
      const { kept, out } = this.#look(leaders);
      leaders = kept;
      if (out.length === 0) continue;
      this.hasMoved = true;
      leaders = this.#putBack(leaders, out);
      looks = -1;
      needed = 2;
    }
    return { leaders, next: this.next };
  }

  /** Whether leaders still stand in their order, so that what was searched among them was searched in vain only if absent. */
  steady(leaders: Int32Array): boolean {
    const isSteady = leaders.every(
      (leader, i) => !this.#isOut(leader) && (i === 0 || this.compare(leaders[i - 1] as number, leader) < 0),
    );
    this.hasMoved ||= !isSteady;
    return isSteady;
  }

  /** A second look: keeps members that equal their leader and leaders that ascend, and tells the others, but for those that are out for good. */
  #look(leaders: Int32Array): { kept: Int32Array; out: number[] } {
    const out: number[] = [];
    const kept: Group[] = [];
    for (const leader of leaders) {
      const group = { leader, size: this.#confirmMembers(leader, out) };
      let fits = !this.#isOut(leader);
      for (
        let below = kept.at(-1);
        fits && below !== undefined && this.compare(below.leader, leader) >= 0;
        below = kept.at(-1)
      ) {
        // Either may have moved, but rather the one that fewer stand by.
        fits = below.size < group.size;
        if (below.size <= group.size) this.#takeOut((kept.pop() as Group).leader, out);
      }
      if (fits && !(this.hasMoved && this.#hasTwin(leader, kept))) kept.push(group);
      else this.#takeOut(leader, out);
    }
    return { kept: Int32Array.from(kept, ({ leader }) => leader), out: out.filter((item) => !this.#isOut(item)) };
  }

  /** Takes out the members that differ from their leader; returns how many stand by it. */
  #confirmMembers(leader: number, out: number[]): number {
    const { next } = this;
    let last = leader;
    let size = 1;
    for (let item = next[leader] as number; item !== -1; item = next[item] as number) {
      if (this.compare(leader, item) === 0) {
        next[last] = item;
        last = item;
        size++;
      } else this.#miss(item, out);
    }
    next[last] = -1;
    return size;
  }

  #hasTwin(leader: number, kept: readonly Group[]): boolean {
    return kept.length <= FEW && kept.some((other) => this.compare(other.leader, leader) === 0);
  }

  #takeOut(leader: number, out: number[]): void {
    for (let item = leader; item !== -1; item = this.next[item] as number) this.#miss(item, out);
  }

  #miss(item: number, out: number[]): void {
    if (this.#isOut(item)) return;
    this.#misses[item] = (this.#misses[item] as number) + 1;
    if (this.#isOut(item)) this.#onDrop(item, 'EAGAIN');
    else out.push(item);
  }

  /** Looks up each of what was taken out among the leaders. */
  #putBack(leaders: Int32Array, out: readonly number[]): Int32Array {
    const placed = Array.from(leaders);
    for (const item of out) {
      this.next[item] = -1;
      const at = search(placed, (leader) => this.compare(leader, item));
      if (at < 0) placed.splice(-1 - at, 0, item);
      else join(this.next, placed[at] as number, item);
    }
    return Int32Array.from(placed);
  }

  #isOut(item: number): boolean {
    return (this.#misses[item] as number) >= PATIENCE;
  }

  /** Takes an item out for good when it fails against itself. */
  #isClosed(item: number): boolean {
    if (this.#isOut(item)) return true;
    const result = kcmpItems(this.#from, item, item);
    if (result >= 0) return false;
    this.hasMoved = true;
    this.#misses[item] = PATIENCE;
    this.#onDrop(item, errnoName(result));
    return true;
  }
}
