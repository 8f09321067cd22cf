/**
 * Gathers descriptors by open file description. Descriptors close and change while they are compared:
 * one that fails is taken out without disturbing the order of the others, and every group is confirmed
 * by a second look before it is believed.
 */
import { KCMP_FILE } from '../binding/abi.ts';
import { errnoName } from '../binding/errors.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { groupBy, type Groups } from './order.ts';

const ROUNDS = 4;
const ATTEMPTS = 3;

/** Descriptors as parallel arrays; an item is an index into them. */
export interface Descriptors {
  ids: ArrayLike<number>;
  fds: ArrayLike<number>;
}

export const refAt = ({ ids, fds }: Descriptors, item: number): FileRef => ({ pid: ids[item] as number, fd: fds[item] as number });

export class DescriptionOrder {
  readonly next: Int32Array;
  readonly #ids: ArrayLike<number>;
  readonly #fds: ArrayLike<number>;
  readonly #dead: Uint8Array;
  readonly #onDrop: (item: number, code: string) => void;

  /** @param onDrop - told of every descriptor that could not be compared, with the errno's name */
  constructor({ ids, fds }: Descriptors, onDrop: (item: number, code: string) => void) {
    this.#ids = ids;
    this.#fds = fds;
    this.#dead = new Uint8Array(ids.length);
    this.next = new Int32Array(ids.length).fill(-1);
    this.#onDrop = onDrop;
  }

  /** kcmp's order of two items: -1, 0 or 1. A dead item goes first wherever it stands, which moves no other. */
  readonly compare = (a: number, b: number): number => {
    const dead = this.#dead;
    if (dead[a] === 1) return -1;
    if (dead[b] === 1) return 1;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const result = this.#raw(a, b);
      if (result >= 0) return result === 1 ? -1 : result;
      if (this.#drop(a)) return -1;
      if (this.#drop(b)) return 1;
      // Neither fails by itself: one was closed for a moment only.
    }
    return -1;
  };

  /**
   * Groups items by description; those that could not be compared are left out.
   * Read-only afterwards: `next` holds the members of each leader.
   */
  group(items: Int32Array): Groups {
    let left = this.#comparable(items);
    for (let round = 0; ; round++) {
      const groups = groupBy(left, this.compare, this.next);
      if (left.length < 2 && round === 0) return groups;
      if (this.#confirmed(groups)) return groups;
      left = left.filter((item) => this.#dead[item] === 0);
      if (round === ROUNDS) {
        // What never holds still cannot be told; nothing about it is claimed.
        for (const item of left) this.#dropAs(item, 'EAGAIN');
        return { leaders: new Int32Array(0), next: this.next };
      }
    }
  }

  /** One that stands alone is never compared with another, so it is compared with itself. */
  #comparable(items: Int32Array): Int32Array {
    return items.length > 1 ? items : items.filter((item) => !this.#drop(item));
  }

  /** Whether leaders still stand in their order, so that what was searched among them was searched in vain only if absent. */
  steady(leaders: Int32Array): boolean {
    for (let i = 0; i < leaders.length; i++) {
      if (this.#dead[leaders[i] as number] === 1) return false;
      if (i > 0 && this.compare(leaders[i - 1] as number, leaders[i] as number) >= 0) return false;
    }
    return true;
  }

  #confirmed({ leaders, next }: Groups): boolean {
    if (!this.steady(leaders)) return false;
    for (const leader of leaders) {
      for (let item = next[leader] as number; item !== -1; item = next[item] as number) {
        if (this.compare(leader, item) !== 0) return false;
      }
    }
    return true;
  }

  #raw(a: number, b: number): number {
    return kcmpRaw(this.#ids[a] as number, this.#ids[b] as number, KCMP_FILE, this.#fds[a] as number, this.#fds[b] as number);
  }

  /** Takes an item out when it fails against itself. */
  #drop(item: number): boolean {
    const result = this.#raw(item, item);
    if (result >= 0) return false;
    this.#dropAs(item, errnoName(result));
    return true;
  }

  #dropAs(item: number, code: string): void {
    this.#dead[item] = 1;
    this.#onDrop(item, code);
  }
}
