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
import { Walks } from './walks.ts';

const ATTEMPTS = 4;
const MANY = 64;
/** So many pairs may all be compared once something has moved, which costs some twenty milliseconds. */
const FEW_PAIRS = 50_000;
const NONE = new Int32Array(0);

export class Search {
  /**
   * By target that is at its own number: what it was told apart by. Above 0 the place of its description among those
   * that were searched, below 0 the gap between them where it would stand, 0 when it was not searched.
   */
  readonly places: Int32Array;
  /** By target: holders besides its own number. */
  readonly more: Map<number, FileRef[]> = new Map();
  /** By target that is a neighbour's file: that neighbour. */
  readonly fileOf: Map<number, number> = new Map();
  readonly #links: Links;
  readonly #targets: readonly EpollItem[];
  readonly #found: Int32Array;
  readonly #order: DescriptionOrder;
  readonly #walks: Walks;
  readonly #onDrop: (item: number, code: string) => void;
  /** The targets that were found, and by target an item of those that were found here. */
  #files: number[] = [];
  readonly #itemOf = new Map<number, number>();
  #few = true;
  /** What was searched by its order. */
  #searched: Int32Array[] = [];

  /**
   * @param found - by target: the item of its own number, if that is its file, or -1
   * @param onDrop - told of every descriptor that would not hold still
   */
  constructor(
    pid: number,
    efd: number,
    links: Links,
    targets: readonly EpollItem[],
    found: Int32Array,
    order: DescriptionOrder,
    onDrop: (item: number, code: string) => void,
  ) {
    this.#links = links;
    this.#targets = targets;
    this.#found = found;
    this.#order = order;
    this.#walks = new Walks(pid, efd, links, order);
    this.#onDrop = onDrop;
    this.places = new Int32Array(targets.length);
  }

  /** Looks for holders of the targets of one inode. */
  resolve(open: InodeClass): void {
    this.#few = (open.own.length + open.others.length) * open.targets.length <= FEW_PAIRS;
    for (let attempt = 1; ; attempt++) {
      this.#searched = [];
      this.#resolve(open);
      // A descriptor that closed or changed meanwhile sends a search the wrong way.
      const unsteady = this.#searched.find((leaders) => !this.#order.steady(leaders));
      if (unsteady === undefined || (this.#few && attempt > 1)) return;
      if (attempt === ATTEMPTS) {
        for (const leader of unsteady) this.#onDrop(leader, 'EAGAIN');
        return;
      }
      for (const target of open.targets) {
        this.places[target] = 0;
        for (const answers of [this.more, this.fileOf, this.#itemOf]) answers.delete(target);
      }
    }
  }

  #resolve({ targets, own, others }: InodeClass): void {
    this.#files = [];
    let left: number[] = []; // places among the targets
    for (let place = 0; place < targets.length; place++) {
      const target = targets[place] as number;
      if ((this.#found[target] as number) >= 0) this.#files.push(target);
      else left.push(place);
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
        this.places[file] = at < 0 ? at : at + 1;
        if (at < 0) continue;
        const leader = leaders[at] as number;
        hit.add(leader);
        for (const item of membersOf(this.#order, leader)) addTo(this.more, file, refAt(this.#links, item));
      }
      return hit.size === 0 ? leaders : leaders.filter((leader) => !hit.has(leader));
    }
    const fileOf = new Map(files.map((file) => [this.#itemAt(file), file]));
    const leaders = this.#group([...fileOf.keys()]);
    const rest = items.filter((item) => {
      const at = this.#find(leaders, item);
      if (at < 0) return true;
      for (const member of membersOf(this.#order, leaders[at] as number)) {
        addTo(this.more, fileOf.get(member) as number, refAt(this.#links, item));
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
      const walk = (leader: number): number => this.#walks.compareGroup(leader, this.#targets[target] as EpollItem);
      let at = search(free, walk);
      if (at < 0 && this.#isThorough) at = free.findIndex((leader) => walk(leader) === 0);
      if (at < 0) return !this.#isLike(target, targets[place - 1]);
      const leader = free.splice(at, 1)[0] as number;
      this.#files.push(target);
      this.#itemOf.set(target, leader);
      this.more.set(target, membersOf(this.#order, leader).map((item) => refAt(this.#links, item)));
      return false;
    });
    const after = left.reverse().filter((place) => !this.#isLike(targets[place] as number, targets[place + 1]));
    return after.reverse();
  }

  /** Is a target the file that its neighbour was found to be? */
  #isLike(target: number, neighbour: number | undefined): boolean {
    if (neighbour === undefined) return false;
    const file = this.fileOf.get(neighbour) ?? neighbour;
    const item = this.#itemAt(file);
    if (item < 0 || this.#walks.compare(item, this.#targets[target] as EpollItem) !== 0) return false;
    this.fileOf.set(target, file);
    return true;
  }

  #itemAt(file: number): number {
    return this.#itemOf.get(file) ?? (this.#found[file] as number);
  }

  /** Whether to try one by one what a search did not find: a leader that moved may have sent it the wrong way and be back. */
  get #isThorough(): boolean {
    return this.#few && this.#order.hasMoved;
  }

  #group(items: readonly number[]): Int32Array {
    const { leaders } = this.#order.group(Int32Array.from(items));
    this.#searched.push(leaders);
    return leaders;
  }

  /** The place of the leader that is the same description, or -1 − the place where it would stand. */
  #find(leaders: Int32Array, item: number): number {
    const at = search(leaders, (leader) => this.#order.compare(leader, item));
    if (at >= 0) return at;
    const hidden = this.#isThorough ? leaders.findIndex((leader) => this.#order.compare(leader, item) === 0) : -1;
    return hidden >= 0 ? hidden : at;
  }
}
