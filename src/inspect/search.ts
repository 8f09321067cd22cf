/**
 * What own numbers leave open about one inode: descriptors that may be one of its targets as well, and targets that
 * are elsewhere. Descriptors are compared with those found already; only targets that are left take walks.
 */
import type { FileRef } from '../binding/kcmp.ts';
import { isAnonymousLink } from '../procfs/link.ts';
import type { InodeClass } from './candidates.ts';
import { refAt, type DescriptionOrder } from './descriptions.ts';
import type { Links } from './links.ts';
import { addTo } from './multimap.ts';
import { membersOf, search } from './order.ts';
import type { EpollItem } from './reports.ts';
import type { Walks } from './walks.ts';

const ATTEMPTS = 4;
const MANY = 64;
const NONE = new Int32Array(0);

export class Search {
  readonly #links: Links;
  readonly #targets: readonly EpollItem[];
  readonly #order: DescriptionOrder;
  readonly #walks: Walks;
  readonly #found: Int32Array;
  readonly #holders: FileRef[][];
  /** Each file by the first target that was found to be it. */
  #files: number[] = [];
  /** By target that was not at its own number: the file that it is, and an item of that. */
  #fileOf = new Map<number, number>();
  #itemOf = new Map<number, number>();
  /** By file: holders that were found here. */
  #more = new Map<number, FileRef[]>();
  /** What was searched by its order. */
  #searched: Int32Array[] = [];

  /** @param known - by target, what is known so far; holders are added there */
  constructor(
    links: Links,
    targets: readonly EpollItem[],
    order: DescriptionOrder,
    walks: Walks,
    known: { found: Int32Array; holders: FileRef[][] },
  ) {
    this.#links = links;
    this.#targets = targets;
    this.#order = order;
    this.#walks = walks;
    this.#found = known.found;
    this.#holders = known.holders;
  }

  /**
   * Completes the holders of the targets of one inode.
   * @param onDrop - told of every descriptor that would not hold still
   */
  resolve(open: InodeClass, onDrop: (id: number, code: string) => void): void {
    for (let attempt = 1; ; attempt++) {
      this.#files = [];
      this.#fileOf = new Map();
      this.#itemOf = new Map();
      this.#more = new Map();
      this.#searched = [];
      this.#resolve(open);
      // A descriptor that closed or changed meanwhile sends a search the wrong way.
      const unsteady = this.#searched.find((leaders) => !this.#order.steady(leaders));
      if (unsteady === undefined) break;
      if (attempt < ATTEMPTS) continue;
      for (const leader of unsteady) onDrop(this.#links.ids[leader] as number, 'EAGAIN');
      break;
    }
    for (const [file, more] of this.#more) this.#holders[file]?.push(...more);
    for (const [target, file] of this.#fileOf) this.#holders[target] = this.#holders[file] as FileRef[];
  }

  #resolve({ targets, own, others }: InodeClass): void {
    let left: number[] = []; // places among the targets
    let before: FileRef[] | undefined;
    for (const [place, target] of targets.entries()) {
      if ((this.#found[target] as number) < 0) {
        left.push(place);
        continue;
      }
      if (this.#holders[target] !== before) this.#files.push(target);
      before = this.#holders[target];
    }
    for (const items of [own, others]) {
      if (items === others && items.length === 0) break;
      const likely = left.length === 0 && targets.length > MANY ? this.#ofSameKinds(items, targets) : items;
      const leaders = this.#join(likely, left.length > 0);
      if (left.length > 0) left = this.#searchAll(targets, left, leaders);
    }
  }

  /** The kinds of many targets are surely known, even should the number of one have changed since it was looked at. */
  #ofSameKinds(items: number[], targets: number[]): number[] {
    const { links } = this.#links;
    const kinds = new Set<string | null>();
    let before: string | null = null;
    for (const target of targets) {
      const link = links[this.#found[target] as number] as string | null;
      if (link !== before) kinds.add(link);
      before = link;
    }
    return items.filter((item) => {
      const link = links[item] ?? null;
      return !isAnonymousLink(link) || kinds.has(link);
    });
  }

  /** Gives items to the files that they are; of the others, if they are needed, the leaders in their order. */
  #join(items: number[], restNeeded: boolean): Int32Array {
    const files = this.#files;
    if (items.length === 0 || (files.length === 0 && !restNeeded)) return NONE;
    if (items.length <= files.length || files.length === 0) {
      const leaders = this.#group(items);
      const hit = new Set<number>();
      for (const file of files) {
        const at = this.#find(leaders, this.#itemAt(file));
        if (at < 0) continue;
        const leader = leaders[at] as number;
        hit.add(leader);
        for (const item of membersOf(this.#order, leader)) addTo(this.#more, file, refAt(this.#links, item));
      }
      return hit.size === 0 ? leaders : leaders.filter((leader) => !hit.has(leader));
    }
    const fileOf = new Map(files.map((file) => [this.#itemAt(file), file]));
    const leaders = this.#group([...fileOf.keys()]);
    const rest = items.filter((item) => {
      const at = this.#find(leaders, item);
      if (at < 0) return true;
      for (const member of membersOf(this.#order, leaders[at] as number)) {
        addTo(this.#more, fileOf.get(member) as number, refAt(this.#links, item));
      }
      return false;
    });
    return restNeeded && rest.length > 0 ? this.#group(rest) : NONE;
  }

  /** Looks for targets among the leaders, and beside their neighbours; returns those that were not found. */
  #searchAll(targets: number[], places: number[], leaders: Int32Array): number[] {
    // Mostly a description is one target: without those already matched the search takes fewer walks.
    const free = Array.from(leaders);
    const left = places.filter((place) => {
      const target = targets[place] as number;
      const at = search(free, (leader) => this.#walks.compareGroup(leader, this.#targets[target] as EpollItem));
      if (at < 0) return !this.#isLike(target, targets[place - 1]);
      const leader = free.splice(at, 1)[0] as number;
      this.#files.push(target);
      this.#fileOf.set(target, target);
      this.#itemOf.set(target, leader);
      this.#more.set(target, membersOf(this.#order, leader).map((item) => refAt(this.#links, item)));
      return false;
    });
    const after = left.reverse().filter((place) => !this.#isLike(targets[place] as number, targets[place + 1]));
    return after.reverse();
  }

  /** Is a target the file that its neighbour was found to be? */
  #isLike(target: number, neighbour: number | undefined): boolean {
    if (neighbour === undefined) return false;
    const file = (this.#found[neighbour] as number) >= 0 ? neighbour : this.#fileOf.get(neighbour);
    if (file === undefined || this.#walks.compare(this.#itemAt(file), this.#targets[target] as EpollItem) !== 0) return false;
    this.#fileOf.set(target, file);
    return true;
  }

  #itemAt(file: number): number {
    return this.#itemOf.get(file) ?? (this.#found[file] as number);
  }

  #group(items: readonly number[]): Int32Array {
    const { leaders } = this.#order.group(Int32Array.from(items));
    this.#searched.push(leaders);
    return leaders;
  }

  /** The place of the leader that is the same description, or -1. */
  #find(leaders: Int32Array, item: number): number {
    let low = 0;
    let high = leaders.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = this.#order.compare(leaders[middle] as number, item);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return -1;
  }
}
