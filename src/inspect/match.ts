/**
 * Which description is each target? Every comparison with a target makes the kernel walk the instance's
 * items, so the obvious guess comes first, and then a binary search among descriptions of the same inode.
 */
import { constants } from 'node:os';
import type { FileRef } from '../binding/kcmp.ts';
import { kcmpEpollRaw } from '../binding/syscall.ts';
import type { Candidates } from './candidates.ts';
import { DescriptionOrder } from './descriptions.ts';
import { search } from './order.ts';
import type { EpollItem } from './reports.ts';

const { ENOENT } = constants.errno;
const GONE = -1 - 2 ** 31;

/** Finds the holders of targets of the instance `efd` of `pid`. */
export class Matcher {
  readonly #pid: number;
  readonly #efd: number;
  readonly #from: Candidates;
  readonly #order: DescriptionOrder;

  /** @param onDrop - told of every descriptor that could not be compared */
  constructor(pid: number, efd: number, from: Candidates, onDrop: (id: number, code: string) => void) {
    this.#pid = pid;
    this.#efd = efd;
    this.#from = from;
    this.#order = new DescriptionOrder(from, (item, code) => onDrop(from.ids[item] as number, code));
  }

  /** The holders of each of the targets, all of one inode, in their order; empty where nobody holds it. */
  holders(inode: string, targets: readonly EpollItem[]): FileRef[][] {
    const { own, others } = this.#from;
    const near = this.#group(own.get(inode));
    const found = this.#searchAll(targets, near);
    const far = Int32Array.from(others.get(inode) ?? []);
    if (far.length === 0) return found.map((leader) => this.#members(leader));
    // Others that share a description already found need no walk: they are looked up by KCMP_FILE alone.
    const hit = new Set(found);
    const matched = near.filter((leader) => hit.has(leader));
    const joined = new Map<number, number[]>();
    const rest = far.filter((item) => {
      const at = search(matched, (leader) => this.#order.compare(leader, item));
      if (at < 0) return true;
      const leader = matched[at] as number;
      joined.set(leader, [...(joined.get(leader) ?? []), item]);
      return false;
    });
    const open = targets.filter((_, i) => (found[i] as number) < 0);
    const foreign = open.length > 0 ? this.#searchAll(open, this.#group(rest)) : [];
    let nextOpen = 0;
    return found.map((leader) => {
      if (leader < 0) return this.#members(foreign[nextOpen++] as number);
      return [...this.#members(leader), ...(joined.get(leader) ?? []).map((item) => this.#ref(item))];
    });
  }

  #group(items: ArrayLike<number> | undefined): Int32Array {
    return this.#order.group(Int32Array.from(items ?? [])).leaders;
  }

  #ref(item: number): FileRef {
    return { pid: this.#from.ids[item] as number, fd: this.#from.fds[item] as number };
  }

  #members(leader: number): FileRef[] {
    const refs: FileRef[] = [];
    for (let item = leader; item >= 0; item = this.#order.next[item] as number) refs.push(this.#ref(item));
    return refs;
  }

  /** The leader of each target among sorted leaders, or a negative number. */
  #searchAll(targets: readonly EpollItem[], leaders: Int32Array): number[] {
    const byNumber = new Map<number, number>();
    for (const leader of leaders) {
      for (let item = leader; item >= 0; item = this.#order.next[item] as number) {
        if (this.#from.ids[item] === this.#pid) byNumber.set(this.#from.fds[item] as number, leader);
      }
    }
    // Mostly a description is one target: without those already matched the search takes fewer walks.
    const left = Array.from(leaders);
    const take = (leader: number): number => {
      const at = left.indexOf(leader);
      if (at >= 0) left.splice(at, 1);
      return leader;
    };
    const found = targets.map((target) => {
      const guess = byNumber.get(target.tfd);
      return guess !== undefined && this.#compare(guess, target) === 0 ? guess : -1;
    });
    const guessed = new Set(found);
    const unmatched = left.filter((leader) => !guessed.has(leader));
    left.splice(0, left.length, ...unmatched);
    return found.map((leader, i) => {
      if (leader >= 0) return leader;
      const target = targets[i] as EpollItem;
      const here = this.#searchOne(target, left);
      if (here >= 0) return take(here);
      return left.length === leaders.length ? here : this.#searchOne(target, leaders);
    });
  }

  #searchOne(target: EpollItem, leaders: ArrayLike<number>): number {
    const at = search(leaders, (leader) => this.#compare(leader, target));
    return at < 0 ? -1 : (leaders[at] as number);
  }

  /** Negative when the description orders before the target's file. A target or a holder that has gone fits nothing. */
  #compare(leader: number, { tfd, toff }: EpollItem): number {
    for (let item = leader; item >= 0; item = this.#order.next[item] as number) {
      const { ids, fds } = this.#from;
      const result = kcmpEpollRaw(ids[item] as number, this.#pid, fds[item] as number, this.#efd, tfd, toff);
      if (result >= 0) return result === 1 ? -1 : result;
      if (result === -ENOENT) return GONE;
    }
    return GONE;
  }
}
