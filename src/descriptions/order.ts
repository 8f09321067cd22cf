/**
 * Gathers descriptors by open file description.
 *
 *   sort        for what holds still: a merge sort by kcmp(2)'s order, in which equal ones meet
 *   tellApart   for what may move:  few  ── by equality of all pairs (equality.ts), which no mover can mislead
 *                                   many ── sorted, then every place is looked at again; what is out of place is taken
 *                                           out and looked up anew; out of place eight times it never holds still
 *
 * Two that hold still are always told right; only one that moved between them can keep the same apart, or bring others
 * together. So of two leaders out of order the one goes that fewer stand by, a member has to equal a dozen others, and
 * once anything has moved, looks are believed only when several in a row find the same.
 */
import { errnoName } from '../binding/errors.ts';
import { type Steps, WALK } from '../scan/steps.ts';
import { groupBy, type Groups, join, membersOf, search } from '../util/merge-sort.ts';
import { gatherEqual } from './equality.ts';
import { sortByRank } from './ranks.ts';

const FEW = 100; // are told apart by equality; of more the pairs would be too many
/** So often out of place, one never holds still. */
const PATIENCE = 8;
/** So many members each of the others has to equal: one that moves may equal two that never equal one another. */
const WITNESSES = 12;
const QUIET = 3; // looks in a row that must find the same once anything has moved
const ATTEMPTS = 3;
const BETWEEN_PAUSES = 64;

type OnDrop = (item: number, code: string) => void;

export class DescriptionOrder {
  /** By item: the next member of its group, or -1. */
  readonly next: Int32Array;
  #hasMoved = false;
  readonly #ask: (a: number, b: number) => number;
  /** By item: how often it was out of place; from PATIENCE on it is out for good. */
  readonly #misses: Uint8Array;
  readonly #onDrop: OnDrop;
  readonly #ranks: Int32Array | undefined;

  /**
   * @param count - items are below this
   * @param ask - kcmp(2)'s own answer about two items, or a negative errno
   * @param onDrop - told of every item that could not be compared, with the errno's name
   * @param ranks - what {@link sortByRank} keeps from one look to the next
   */
  constructor(count: number, ask: (a: number, b: number) => number, onDrop: OnDrop, ranks?: Int32Array) {
    this.#ranks = ranks;
    this.#ask = ask;
    this.#misses = new Uint8Array(count);
    this.next = new Int32Array(count).fill(-1);
    this.#onDrop = onDrop;
  }

  /** kcmp's order of two items: -1, 0 or 1. One that is out goes first wherever it stands, which moves no other. */
  readonly compare = (a: number, b: number): number => {
    if (this.#isOut(a)) return -1;
    if (this.#isOut(b)) return 1;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const result = this.#ask(a, b);
      if (result >= 0) return result === 1 ? -1 : result;
      if (this.#isClosed(a)) return -1;
      if (this.#isClosed(b)) return 1;
      // Neither fails by itself: one was closed for a moment only.
      this.#hasMoved = true;
    }
    return -1;
  };

  /** Sorts items and gathers equal ones, of many only around those that are asked about; all right if nothing moves. */
  sort(items: Int32Array, isAsked?: (item: number) => boolean): Steps<Groups> {
    const ranks = items.length > FEW ? this.#ranks : undefined;
    return ranks ? sortByRank(items, ranks, this.compare, this.next, isAsked) : groupBy(items, this.compare, this.next);
  }

  /** As {@link sort}, without those that could not be compared. */
  *gather(items: Int32Array, isAsked?: (item: number) => boolean): Steps<number[][]> {
    return yield* this.#groupsOf((yield* this.sort(items, isAsked)).leaders);
  }

  /** Gathers items some of which may move, without those that could not be compared or never held still. */
  *tellApart(items: Int32Array): Steps<number[][]> {
    // One that stands alone is never compared with another, so it is compared with itself.
    if (items.length === 1) return this.#isClosed(items[0] as number) ? [] : [[...items]];
    if (items.length > FEW) return yield* this.#tellManyApart(items);
    const { groups, restless } = yield* gatherEqual(items, (a, b) => this.compare(a, b) === 0);
    for (const item of restless) if (!this.#isClosed(item)) this.#drop(item, 'EAGAIN');
    return groups.map((group) => group.filter((item) => !this.#isOut(item))).filter(({ length }) => length > 0);
  }

  *#tellManyApart(items: Int32Array): Steps<number[][]> {
    let { leaders } = yield* this.sort(items);
    for (let looks = 0, needed = 1; looks < needed; looks++) {
      const { kept, out } = yield* this.#look(leaders);
      leaders = kept;
      if (out.length === 0) continue;
      this.#hasMoved = true;
      leaders = yield* this.#putBack(leaders, out);
      looks = -1;
      needed = QUIET;
    }
    return yield* this.#groupsOf(leaders);
  }

  *#groupsOf(leaders: Int32Array): Steps<number[][]> {
    const groups: number[][] = [];
    for (const leader of leaders) {
      if (groups.push(membersOf(this, leader).filter((item) => !this.#isOut(item))) % WALK === 0) yield;
    }
    return groups.filter(({ length }) => length > 0);
  }

  /** A second look: keeps members that equal their leader and leaders that ascend, and tells the others, but for those that are out for good. */
  *#look(leaders: Int32Array): Steps<{ kept: Int32Array; out: number[] }> {
    const out: number[] = [];
    /** How many stand by a leader, itself included. */
    const kept: Array<{ leader: number; size: number }> = [];
    for (const [i, leader] of leaders.entries()) {
      if (i % BETWEEN_PAUSES === 0) yield;
      const group = { leader, size: yield* this.#confirmMembers(leader, out) };
      let fits = !this.#isOut(leader);
      for (let below = kept.at(-1); fits && below !== undefined; below = kept.at(-1)) {
        if (this.compare(below.leader, leader) < 0) break;
        // Either may have moved, but rather the one that fewer stand by.
        fits = below.size < group.size;
        if (below.size <= group.size) this.#takeOut((kept.pop() ?? below).leader, out);
      }
      if (fits && !(this.#hasMoved && this.#hasTwin(leader, kept))) kept.push(group);
      else this.#takeOut(leader, out);
    }
    return { kept: Int32Array.from(kept, ({ leader }) => leader), out: out.filter((item) => !this.#isOut(item)) };
  }

  /** Takes out the members that differ from their leader or from one another; returns how many stand by it. */
  *#confirmMembers(leader: number, out: number[]): Steps<number> {
    const { next } = this;
    const witnesses = [leader];
    let last = leader;
    let size = 1;
    let looked = 0;
    for (let item = next[leader] as number; item !== -1; item = next[item] as number) {
      if (++looked % BETWEEN_PAUSES === 0) yield;
      if (witnesses.every((witness) => this.compare(witness, item) === 0)) {
        next[last] = item;
        last = item;
        size++;
        if (witnesses.length < WITNESSES) witnesses.push(item);
      } else this.#miss(item, out);
    }
    next[last] = -1;
    return size;
  }

  #hasTwin(leader: number, kept: ReadonlyArray<{ leader: number }>): boolean {
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
  *#putBack(leaders: Int32Array, out: readonly number[]): Steps<Int32Array> {
    const placed = Array.from(leaders);
    for (const [i, item] of out.entries()) {
      if (i % BETWEEN_PAUSES === 0) yield;
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
    const result = this.#ask(item, item);
    if (result >= 0) return false;
    this.#drop(item, errnoName(result));
    return true;
  }

  #drop(item: number, code: string): void {
    this.#hasMoved = true;
    this.#misses[item] = PATIENCE;
    this.#onDrop(item, code);
  }
}
