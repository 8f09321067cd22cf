/**
 * Which descriptors are each target's file? What its own number does not prove is searched, one inode at a time.
 *
 *   still      descriptors are compared with one another first, and walks are left to targets that are elsewhere, since
 *              every comparison with a target makes the kernel walk the items of the instance
 *   may move   every descriptor is compared with every target of its inode, which nothing that moves can mislead;
 *              where these are too many, what was found as above is confirmed by a walk each
 *
 * The kernel keeps its items by file and then by number (ep_cmp_ffd() of fs/eventpoll.c): targets of one file stand side
 * by side, and ascend.
 */
import { DescriptionOrder } from '../../descriptions/order.ts';
import type { EpollItem } from '../../procfs/epoll-items.ts';
import { kcmpItems, type Span } from '../../scan/columns.ts';
import type { Steps } from '../../scan/steps.ts';
import { membersOf, search } from '../../util/merge-sort.ts';
import { addTo } from '../../util/multimap.ts';
import { type Candidates, type InodeClass, ofKinds } from './inode-classes.ts';
import { takeOwn } from './proof.ts';
import { Finder, type Items, NONE } from './together/finder.ts';

/** So many steps of the kernel through an instance's items all pairs of an inode may take: some ten milliseconds. */
const FEW_STEPS = 4_000_000;
/** Of so many files the kinds are known, even should one have changed since its link was read. */
const MANY = 64;
const BETWEEN_PAUSES = 32;

/** Finds the items of each target of an instance. */
export class TargetMatcher extends Finder {
  #made: DescriptionOrder | undefined;

  get #order(): DescriptionOrder {
    const { links, onDrop } = this;
    return (this.#made ??= new DescriptionOrder(links.length, (a, b) => kcmpItems(links, a, b), onDrop));
  }

  /** Looks for all that is open about one inode, as if nothing moved. */
  *matchStill({ targets, items, gather }: InodeClass): Steps<void> {
    if (gather !== undefined) return yield* this.matchGathered(targets, yield* gather());
    const files = [...new Set(targets.map((target) => this.items[target] as Items))].filter((file) => file !== NONE);
    const isMissing = targets.some((target) => this.items[target] === NONE);
    const likely = isMissing || files.length < MANY ? items : ofKinds(this.links, files, items);
    const { more, rest } = yield* this.#join(files, likely);
    if (isMissing) yield* this.#search(targets, rest);
    for (const [file, further] of more) file.push(...further);
  }

  /** Looks for all that is on one inode anew, although some of it may move. */
  *matchMoving(open: InodeClass, own: Span, candidates: Candidates): Steps<void> {
    const { targets, items } = open;
    for (const target of targets) this.items[target] = NONE;
    const times = this.targets.length * (open.gather === undefined ? 1 : candidates.instances);
    if (items.length * targets.length * times <= FEW_STEPS) return yield* this.#matchPairs(open);
    const isProven = (target: number): boolean => this.walks.isAtOwnNumber(this.targets[target] as EpollItem);
    yield* takeOwn(this, targets, isProven, own, candidates);
    const found = new Set(targets.flatMap((target) => this.items[target] as Items));
    yield* this.matchStill(
      open.gather === undefined ? { targets, items: items.filter((item) => !found.has(item)) } : open,
    );
    for (const target of targets) {
      const confirmed: Items = [];
      for (const item of this.items[target] as Items) {
        if (this.walk(item, target) === 0) confirmed.push(item);
        else this.onDrop(item, this.walks.isOver ? 'ETIMEDOUT' : 'EAGAIN');
        yield* this.walks.rest();
      }
      this.items[target] = confirmed;
    }
  }

  *#matchPairs({ targets, items }: InodeClass): Steps<void> {
    let walks = 0;
    for (const target of targets) {
      const same: Items = [];
      for (const item of items) {
        if (++walks % BETWEEN_PAUSES === 0) yield;
        if (this.walk(item, target) === 0) same.push(item);
      }
      if (same.length > 0) this.items[target] = same;
    }
  }

  /** Gives items to the files that they are: the fewer of both are sorted, the others looked up among them. */
  *#join(files: Items[], items: readonly number[]): Steps<{ more: Map<Items, Items>; rest: readonly number[] }> {
    const fileOf = new Map(files.map((file) => [file[0] as number, file]));
    const known = [...fileOf.keys()];
    const [few, many] = items.length <= known.length ? [items, known] : [known, items];
    const more = new Map<Items, Items>();
    if (few.length === 0) return { more, rest: items };
    const { leaders } = yield* this.#order.sort(Int32Array.from(few));
    const taken = new Set<number>();
    for (const [i, one] of many.entries()) {
      if (i % BETWEEN_PAUSES === 0) yield;
      const at = search(leaders, (leader) => this.#order.compare(leader, one));
      if (at < 0) continue;
      for (const other of membersOf(this.#order, leaders[at] as number)) {
        const [file, item] = few === items ? [one, other] : [other, one];
        addTo(more, fileOf.get(file) as Items, item);
        taken.add(item);
      }
    }
    return { more, rest: items.filter((item) => !taken.has(item)) };
  }

  /** Looks for the missing targets among items, and beside their neighbours. */
  *#search(targets: readonly number[], items: readonly number[]): Steps<void> {
    const { leaders } = yield* this.#order.sort(Int32Array.from(items));
    // Mostly a file is one target: without those already found the search takes fewer walks.
    const free = Array.from(leaders);
    const guesses = new Map<number, number[]>();
    if (this.walks.isPaced) for (const leader of leaders) addTo(guesses, this.links.fds[leader] as number, leader);
    for (const [i, target] of targets.entries()) {
      if (this.items[target] !== NONE) continue;
      yield i / targets.length;
      if (this.walks.isOver) return void items.forEach((item) => void this.onDrop(item, 'ETIMEDOUT'));
      const guess = yield* this.#guess(guesses.get(this.targets[target]?.tfd as number) ?? [], target);
      if (guess !== undefined) this.items[target] = membersOf(this.#order, guess);
      const at = guess === undefined ? yield* this.find(this.#order, free, target) : -1;
      if (at >= 0) this.items[target] = membersOf(this.#order, free.splice(at, 1)[0] as number);
    }
    for (const order of [targets, targets.toReversed()]) {
      let before = NONE;
      for (const target of order) {
        if (this.items[target] === NONE && before !== NONE && this.walk(before[0] as number, target) === 0)
          this.items[target] = before;
        before = this.items[target] as Items;
        yield* this.walks.rest();
      }
    }
  }

  /** Of very many, a file mostly has the number that it was registered under, if in another process. */
  *#guess(leaders: readonly number[], target: number): Steps<number | undefined> {
    for (const leader of leaders) {
      if (this.walkGroup(this.#order, leader, target) === 0) return leader;
      yield* this.walks.rest();
    }
    return undefined;
  }

  /** Whether two items are one file. */
  isOneFile(a: number, b: number): boolean {
    const result = kcmpItems(this.links, a, b);
    return result >= 0 ? result === 0 : this.#order.compare(a, b) === 0;
  }
}
