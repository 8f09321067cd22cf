/**
 * Which description is each target? Every comparison with a target makes the kernel walk the instance's
 * items, so the obvious guess comes first, and then a binary search among descriptions of the same inode.
 */
import { constants } from 'node:os';
import type { FileRef } from '../binding/kcmp.ts';
import { kcmpEpollRaw } from '../binding/syscall.ts';
import type { Candidates } from './candidates.ts';
import { DescriptionOrder, refAt } from './descriptions.ts';
import { addTo } from './multimap.ts';
import { membersOf, search } from './order.ts';
import type { EpollItem } from './reports.ts';

const { ENOENT } = constants.errno;
const NOBODY = -1;
const GONE = -2;
const NONE = new Int32Array(0);
const ATTEMPTS = 4;

/** Finds the holders of targets of the instance `efd` of `pid`. */
export class Matcher {
  readonly #pid: number;
  readonly #efd: number;
  readonly #from: Candidates;
  readonly #order: DescriptionOrder;
  readonly #onDrop: (id: number, code: string) => void;
  /** What was searched by its order. */
  #searched: Int32Array[] = [];

  /** @param onDrop - told of every descriptor that could not be compared */
  constructor(pid: number, efd: number, from: Candidates, onDrop: (id: number, code: string) => void) {
    this.#pid = pid;
    this.#efd = efd;
    this.#from = from;
    this.#onDrop = onDrop;
    this.#order = new DescriptionOrder(from, (item, code) => onDrop(from.ids[item] as number, code));
  }

  /** The holders of each of the targets, all of one inode and in the kernel's order; empty where nobody holds it. */
  holders(inode: string, targets: readonly EpollItem[]): FileRef[][] {
    for (let attempt = 1; ; attempt++) {
      this.#searched = [];
      const found = this.#holders(inode, targets);
      // A descriptor that closed or changed meanwhile sends a search the wrong way.
      const unsteady = this.#searched.find((leaders) => !this.#order.steady(leaders));
      if (unsteady === undefined) return found;
      if (attempt < ATTEMPTS) continue;
      for (const leader of unsteady) this.#onDrop(this.#from.ids[leader] as number, 'EAGAIN');
      return found;
    }
  }

  #holders(inode: string, targets: readonly EpollItem[]): FileRef[][] {
    const own = this.#from.own.get(inode) ?? [];
    const others = this.#from.others.get(inode) ?? [];
    const guesses = this.#guess(own, targets);
    if (guesses.every((item) => item >= 0)) {
      const taken = new Set(guesses);
      const rest = [...own.filter((item) => !taken.has(item)), ...others];
      if (rest.length <= targets.length) return this.#allLive(guesses, rest);
    }
    const near = this.#group(own);
    const found = this.#searchAll(targets, near, guesses);
    const far = Int32Array.from(others);
    if (far.length === 0) return found.map((leader) => this.#members(leader));
    // Others that share a description already found need no walk: they are looked up by KCMP_FILE alone.
    const hit = new Set(found);
    const matched = near.filter((leader) => hit.has(leader));
    const joined = new Map<number, FileRef[]>();
    const rest = far.filter((item) => {
      const leader = this.#find(matched, item);
      if (leader < 0) return true;
      addTo(joined, leader, refAt(this.#from, item));
      return false;
    });
    const open = targets.filter((_, i) => (found[i] as number) < 0);
    const foreign = open.length > 0 ? this.#searchAll(open, this.#group(rest), []) : [];
    let next = 0;
    return found.map((leader) =>
      leader < 0 ? this.#members(foreign[next++] as number) : [...this.#members(leader), ...(joined.get(leader) ?? [])]);
  }

  /** By target: the descriptor of its number, if that is its file. */
  #guess(own: readonly number[], targets: readonly EpollItem[]): number[] {
    const { fds } = this.#from;
    const byNumber = new Map<number | undefined, number>();
    for (const item of own) byNumber.set(fds[item], item);
    return targets.map((target) => {
      const item = byNumber.get(target.tfd);
      return item !== undefined && this.#compareItem(item, target) === 0 ? item : NOBODY;
    });
  }

  /**
   * The common case, in which every target is at its own number. The kernel keeps its items by file, so targets of
   * one file stand side by side, and comparing neighbours gathers them; the few other descriptors of this inode
   * are sorted, and each file is searched among them.
   */
  #allLive(guesses: readonly number[], rest: readonly number[]): FileRef[][] {
    const order = this.#order;
    const leaders = rest.length > 0 ? this.#group(rest) : NONE;
    const answers: FileRef[][] = [];
    let holders: FileRef[] = [];
    let before = NOBODY;
    for (const item of guesses) {
      if (before !== item && (before < 0 || order.compare(before, item) !== 0)) {
        const leader = this.#find(leaders, item);
        holders = leader < 0 ? [] : this.#members(leader);
      }
      if (before !== item) holders.push(refAt(this.#from, item));
      before = item;
      answers.push(holders);
    }
    return answers;
  }

  /** The leader of an item's description, or a negative number. */
  #find(leaders: ArrayLike<number>, item: number): number {
    const at = search(leaders, (leader) => this.#order.compare(leader, item));
    return at < 0 ? at : (leaders[at] as number);
  }

  #group(items: ArrayLike<number>): Int32Array {
    const { leaders } = this.#order.group(Int32Array.from(items));
    this.#searched.push(leaders);
    return leaders;
  }

  #members(leader: number): FileRef[] {
    return membersOf(this.#order, leader).map((item) => refAt(this.#from, item));
  }

  /** The leader of each target among sorted leaders, or a negative number. */
  #searchAll(targets: readonly EpollItem[], leaders: Int32Array, guesses: readonly number[]): number[] {
    const leaderOf = new Map<number, number>();
    for (const leader of leaders) {
      for (const item of membersOf(this.#order, leader)) leaderOf.set(item, leader);
    }
    const found = targets.map((_, i) => leaderOf.get(guesses[i] ?? NOBODY) ?? NOBODY);
    // Mostly a description is one target: without those already matched the search takes fewer walks.
    const taken = new Set(found);
    const left = Array.from(leaders).filter((leader) => !taken.has(leader));
    return found.map((leader, i) => {
      if (leader >= 0) return leader;
      const target = targets[i] as EpollItem;
      const at = search(left, (item) => this.#compareGroup(item, target));
      if (at >= 0) return left.splice(at, 1)[0] as number;
      if (left.length === leaders.length) return NOBODY;
      const again = search(leaders, (item) => this.#compareGroup(item, target));
      return again < 0 ? NOBODY : (leaders[again] as number);
    });
  }

  /** Negative when the description orders before the target's file; by the first member that is still open. */
  #compareGroup(leader: number, target: EpollItem): number {
    for (let item = leader; item >= 0; item = this.#order.next[item] as number) {
      const order = this.#compareItem(item, target);
      if (order !== undefined) return order;
    }
    return GONE;
  }

  /** As above for one descriptor; undefined when it is closed. A target that has gone fits nothing. */
  #compareItem(item: number, { tfd, toff }: EpollItem): number | undefined {
    const { ids, fds } = this.#from;
    const result = kcmpEpollRaw(ids[item] as number, this.#pid, fds[item] as number, this.#efd, tfd, toff);
    if (result >= 0) return result === 1 ? -1 : result;
    return result === -ENOENT ? GONE : undefined;
  }
}
