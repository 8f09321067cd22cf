/**
 * Gathers descriptors by open file description. Descriptors close and change while they are compared:
 * one that fails is taken out without disturbing the order of the others, and every group is confirmed
 * by a second look before it is believed. What moved meanwhile is looked up again.
 */
import { KCMP_FILE } from '../binding/abi.ts';
import { errnoName } from '../binding/errors.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { gatherEqual } from './equality.ts';
import { groupBy, join, search, type Groups } from './order.ts';

const ROUNDS = 8;
/** So few are compared pair by pair, which no mover can mislead; with more of them that would cost too much. */
const FEW = 100;
const ATTEMPTS = 3;

/** Descriptors as parallel arrays; an item is an index into them. */
export interface Descriptors {
  ids: ArrayLike<number>;
  fds: ArrayLike<number>;
}

export const refAt = ({ ids, fds }: Descriptors, item: number): FileRef => ({ pid: ids[item] as number, fd: fds[item] as number });

/** kcmp(2)'s own answer about two items, or a negative errno. */
export const kcmpItems = ({ ids, fds }: Descriptors, a: number, b: number): number =>
  kcmpRaw(ids[a] as number, ids[b] as number, KCMP_FILE, fds[a] as number, fds[b] as number);

export class DescriptionOrder {
  readonly next: Int32Array;
  /** Whether anything was found to move or close since this order was made. */
  hasMoved = false;
  readonly #from: Descriptors;
  readonly #dead: Uint8Array;
  readonly #onDrop: (item: number, code: string) => void;

  /** @param onDrop - told of every descriptor that could not be compared, with the errno's name */
  constructor(from: Descriptors, onDrop: (item: number, code: string) => void) {
    this.#from = from;
    this.#dead = new Uint8Array(from.ids.length);
    this.next = new Int32Array(from.ids.length).fill(-1);
    this.#onDrop = onDrop;
  }

  /** kcmp's order of two items: -1, 0 or 1. A dead item goes first wherever it stands, which moves no other. */
  readonly compare = (a: number, b: number): number => {
    const dead = this.#dead;
    if (dead[a] === 1) return -1;
    if (dead[b] === 1) return 1;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const result = kcmpItems(this.#from, a, b);
      if (result >= 0) return result === 1 ? -1 : result;
      if (this.#drop(a)) return -1;
      if (this.#drop(b)) return 1;
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
    const groups = groupBy(this.#comparable(items), this.compare, this.next);
    if (items.length < 2) return groups;
    let moved = this.#takeOutMoved(groups);
    this.hasMoved ||= moved.length > 0;
    if (moved.length > 0 && items.length <= FEW) return this.#groupByEquality(items);
    for (let round = 0; moved.length > 0; round++) {
      if (round < ROUNDS) groups.leaders = this.#putBack(groups.leaders, moved);
      else for (const item of moved) this.#dropAs(item, 'EAGAIN');
      moved = this.#takeOutMoved(groups);
    }
    return groups;
  }

  #groupByEquality(items: Int32Array): Groups {
    const { groups, restless } = gatherEqual(items, (a, b) => this.compare(a, b) === 0);
    for (const item of restless) if (!this.#drop(item)) this.#dropAs(item, 'EAGAIN');
    const leaders: number[] = [];
    for (const members of groups) {
      for (const [i, item] of members.entries()) this.next[item] = members[i + 1] ?? -1;
      const [leader] = members as [number];
      if (members.length > 1 || !this.#drop(leader)) leaders.push(leader);
    }
    return { leaders: Int32Array.from(leaders.sort(this.compare)), next: this.next };
  }

  /** One that stands alone is never compared with another, so it is compared with itself. */
  #comparable(items: Int32Array): Int32Array {
    return items.length > 1 ? items : items.filter((item) => !this.#drop(item));
  }

  /** Whether leaders still stand in their order, so that what was searched among them was searched in vain only if absent. */
  steady(leaders: Int32Array): boolean {
    const isSteady = leaders.every((leader, i) =>
      this.#dead[leader] === 0 && (i === 0 || this.compare(leaders[i - 1] as number, leader) < 0));
    this.hasMoved ||= !isSteady;
    return isSteady;
  }

  /** Leaves only what a second look confirms, and returns the rest. */
  #takeOutMoved(groups: Groups): number[] {
    const { leaders } = groups;
    const dead = this.#dead;
    const moved: number[] = [];
    let kept = 0;
    for (const leader of leaders) {
      let fits = this.#confirmMembers(leader, moved);
      while (fits && kept > 0) {
        const below = leaders[kept - 1] as number;
        if (this.compare(below, leader) < 0 && dead[below] === 0) break;
        const blame = this.#blame(leaders[kept - 2], below, leader);
        if (blame >= 0) {
          this.#takeOut(below, moved);
          kept--;
        }
        fits = blame > 0;
      }
      if (fits && !this.#hasTwin(leader, leaders, kept)) leaders[kept++] = leader;
      else this.#takeOut(leader, moved);
    }
    groups.leaders = leaders.subarray(0, kept);
    return moved;
  }

  /** Whether it is the same as one of few below it: others that moved may have kept the two apart. */
  #hasTwin(leader: number, leaders: Int32Array, kept: number): boolean {
    if (leaders.length > FEW) return false;
    for (let i = 0; i < kept - 1; i++) if (this.compare(leaders[i] as number, leader) === 0) return true;
    return false;
  }

  /** Of two leaders out of order: above 0 when `below` has moved, below 0 when `leader` has, 0 when it may be either. */
  #blame(under: number | undefined, below: number, leader: number): number {
    if (this.#dead[below] === 1) return 1;
    if (this.#dead[leader] === 1) return -1;
    if (under !== undefined && this.compare(under, leader) >= 0) return -1;
    return 0;
  }

  /** Takes out the members that differ from their leader; false when it is rather the leader that does. */
  #confirmMembers(leader: number, moved: number[]): boolean {
    const { next } = this;
    let last = leader;
    let balance = 0;
    for (let item = next[leader] as number; item !== -1; ) {
      const following = next[item] as number;
      if (this.compare(leader, item) === 0) {
        next[last] = item;
        last = item;
        balance++;
      } else {
        if (this.#dead[item] === 0) moved.push(item);
        balance--;
      }
      item = following;
    }
    next[last] = -1;
    return balance >= 0 && this.#dead[leader] === 0;
  }

  #takeOut(leader: number, moved: number[]): void {
    for (let item = leader; item !== -1; item = this.next[item] as number) if (this.#dead[item] === 0) moved.push(item);
  }

  /** Looks up each of the moved among the leaders. */
  #putBack(leaders: Int32Array, moved: readonly number[]): Int32Array {
    const placed = Array.from(leaders);
    for (const item of moved) {
      this.next[item] = -1;
      const at = search(placed, (leader) => this.compare(leader, item));
      if (at < 0) placed.splice(-1 - at, 0, item);
      else join(this.next, placed[at] as number, item);
    }
    return Int32Array.from(placed);
  }

  /** Takes an item out when it fails against itself. */
  #drop(item: number): boolean {
    if (this.#dead[item] === 1) return true;
    const result = kcmpItems(this.#from, item, item);
    if (result >= 0) return false;
    this.#dropAs(item, errnoName(result));
    return true;
  }

  #dropAs(item: number, code: string): void {
    this.hasMoved = true;
    this.#dead[item] = 1;
    this.#onDrop(item, code);
  }
}
