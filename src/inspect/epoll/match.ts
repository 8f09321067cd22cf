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
import { errnoName } from '../../binding/errors.ts';
import { kcmpEpollRaw } from '../../binding/syscall.ts';
import { DescriptionOrder } from '../../descriptions/order.ts';
import type { EpollItem } from '../../procfs/epoll-items.ts';
import { kcmpItems, type Span } from '../../scan/columns.ts';
import type { Links } from '../../scan/link-columns.ts';
import type { Steps } from '../../scan/steps.ts';
import { membersOf, search } from '../../util/merge-sort.ts';
import { addTo } from '../../util/multimap.ts';
import { type Candidates, type InodeClass, ofKinds } from './inode-classes.ts';
import { isAtOwnNumber } from './proof.ts';

const { ENOENT } = process.getBuiltinModule('node:os').constants.errno;

/** So many steps of the kernel through an instance's items all pairs of an inode may take: some ten milliseconds. */
const FEW_STEPS = 4_000_000;
/** Of so many files the kinds are known, even should one have changed since its link was read. */
const MANY = 64;
const BETWEEN_PAUSES = 32;
/** What a target that is gone compares as: it fits nothing. */
const GONE = -2;
/** The items of one file; targets of one file have one such list. */
type Items = number[];
export const NONE: Items = []; // of a target that was not found
type Test = (target: number) => boolean;

/** Finds the items of each target of the instance `efd` of `pid`. */
export class TargetMatcher {
  /** By target: the items that are its file. */
  readonly items: Items[];
  readonly #pid: number;
  readonly #efd: number;
  readonly #links: Links;
  readonly #targets: readonly EpollItem[];
  readonly #order: DescriptionOrder;
  readonly #onDrop: (item: number, code: string) => void;

  /** @param items - by target, what is known so far; `onDrop` is told of every descriptor that could not be compared */
  constructor(
    pid: number,
    efd: number,
    links: Links,
    targets: readonly EpollItem[],
    items: Items[] | undefined,
    onDrop: (item: number, code: string) => void,
  ) {
    this.#pid = pid;
    this.#efd = efd;
    this.#links = links;
    this.#targets = targets;
    this.#onDrop = onDrop;
    this.#order = new DescriptionOrder(links.length, (a, b) => kcmpItems(links, a, b), onDrop);
    this.items = items ?? targets.map(() => NONE);
  }

  /**
   * Takes targets that are at their own numbers, as a walk proved, if the scan saw a file of that inode there.
   * @param own - the items of the process asked about
   */
  *takeOwn(targets: Iterable<number>, isProven: Test, own: Span, candidates: Candidates): Steps<void> {
    const { inodes } = candidates;
    let [before, itemBefore] = [-1, -1];
    for (const target of targets) {
      if (target % BETWEEN_PAUSES === 0) yield;
      if (!isProven(target)) continue;
      const item = this.#links.itemOf(own, this.#tfd(target));
      if (item < 0 || candidates.inodeOf(item) !== inodes[target]) continue;
      const isOneFile =
        before >= 0 &&
        inodes[before] === inodes[target] &&
        this.#tfd(before) < this.#tfd(target) &&
        this.#order.compare(itemBefore, item) === 0;
      if (isOneFile) (this.items[target] = this.items[before] as Items).push(item);
      else this.items[target] = [item];
      before = target;
      itemBefore = item;
    }
  }

  /** Looks for all that is open about one inode, as if nothing moved. */
  *matchStill({ targets, items }: InodeClass): Steps<void> {
    const files = [...new Set(targets.map((target) => this.items[target] as Items))].filter((file) => file !== NONE);
    const isMissing = targets.some((target) => this.items[target] === NONE);
    const likely = isMissing || files.length < MANY ? items : ofKinds(this.#links, files, items);
    const { more, rest } = yield* this.#join(files, likely);
    if (isMissing) yield* this.#search(targets, rest);
    for (const [file, further] of more) file.push(...further);
  }

  /** Looks for all that is on one inode anew, although some of it may move. */
  *matchMoving(open: InodeClass, own: Span, candidates: Candidates): Steps<void> {
    const { targets, items } = open;
    for (const target of targets) this.items[target] = NONE;
    if (items.length * targets.length * this.#targets.length <= FEW_STEPS) return yield* this.#matchPairs(open);
    const isProven: Test = (target) => isAtOwnNumber(this.#pid, this.#efd, this.#targets[target] as EpollItem);
    yield* this.takeOwn(targets, isProven, own, candidates);
    const found = new Set(targets.flatMap((target) => this.items[target] as Items));
    yield* this.matchStill({ targets, items: items.filter((item) => !found.has(item)) });
    for (const target of targets) {
      const confirmed: Items = [];
      for (const item of this.items[target] as Items) {
        if (this.#walk(item, target) === 0) confirmed.push(item);
        else this.#onDrop(item, 'EAGAIN');
        yield;
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
        if (this.#walk(item, target) === 0) same.push(item);
      }
      if (same.length > 0) this.items[target] = same;
    }
  }

  /** Gives items to the files that they are: the fewer of both are sorted, the others looked up among them. */
  *#join(files: Items[], items: Items): Steps<{ more: Map<Items, Items>; rest: Items }> {
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
  *#search(targets: readonly number[], items: Items): Steps<void> {
    const { leaders } = yield* this.#order.sort(Int32Array.from(items));
    // Mostly a file is one target: without those already found the search takes fewer walks.
    const free = Array.from(leaders);
    for (const target of targets) {
      if (this.items[target] !== NONE) continue;
      yield;
      const at = search(free, (leader) => this.#walkGroup(leader, target));
      if (at >= 0) this.items[target] = membersOf(this.#order, free.splice(at, 1)[0] as number);
    }
    for (const order of [targets, targets.toReversed()]) {
      let before = NONE;
      for (const target of order) {
        if (this.items[target] === NONE && before !== NONE && this.#walk(before[0] as number, target) === 0)
          this.items[target] = before;
        before = this.items[target] as Items;
        yield;
      }
    }
  }

  #tfd(target: number): number {
    return (this.#targets[target] as EpollItem).tfd;
  }

  /** Negative when the item orders before the target's file; undefined when it could not be compared. */
  #walk(item: number, target: number): number | undefined {
    const { ids, fds } = this.#links;
    const { tfd, toff } = this.#targets[target] as EpollItem;
    const result = kcmpEpollRaw(ids[item] as number, this.#pid, fds[item] as number, this.#efd, tfd, toff);
    if (result >= 0) return result === 1 ? -1 : result;
    if (result === -ENOENT) return GONE;
    this.#onDrop(item, errnoName(result));
    return undefined;
  }

  /** As above for a whole description, by the first member that is still open. */
  #walkGroup(leader: number, target: number): number {
    for (const item of membersOf(this.#order, leader)) {
      const order = this.#walk(item, target);
      if (order !== undefined) return order;
    }
    return GONE;
  }
}
