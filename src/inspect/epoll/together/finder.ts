/** Finds the file of a target of one instance among descriptions that were sorted. */
import { errnoName } from '../../../binding/errors.ts';
import type { DescriptionOrder } from '../../../descriptions/order.ts';
import type { EpollItem } from '../../../procfs/epoll-items.ts';
import type { Links } from '../../../scan/link-columns.ts';
import type { Steps } from '../../../scan/steps.ts';
import { membersOf } from '../../../util/merge-sort.ts';
import type { Walks } from '../walks.ts';
import type { Gathered } from './gathered.ts';
import { ERRNO } from '../../../util/errno.ts';

const { ENOENT } = ERRNO;

const BETWEEN_PAUSES = 32;
/** What a target that is gone compares as: it fits nothing. */
const GONE = -2;

/** The items of one file; targets of one file have one such list. */
export type Items = number[];
export const NONE: Items = []; // of a target that was not found

export class Finder {
  /** By target: the items that are its file. */
  readonly items: Items[];
  readonly walks: Walks;
  readonly links: Links;
  readonly targets: readonly EpollItem[];
  readonly onDrop: (item: number, code: string) => void;

  /** @param items - by target, what is known so far; `onDrop` is told of every descriptor that could not be compared */
  constructor(
    walks: Walks,
    links: Links,
    targets: readonly EpollItem[],
    items: Items[] | undefined,
    onDrop: (item: number, code: string) => void,
  ) {
    this.walks = walks;
    this.links = links;
    this.targets = targets;
    this.onDrop = onDrop;
    this.items = items ?? targets.map(() => NONE);
  }

  /** Finds all items of some targets in what was gathered for all instances, as if nothing moved. */
  *matchGathered(targets: readonly number[], { order, leaders, leaderOf, dropped }: Gathered): Steps<void> {
    const { items } = this;
    for (const [item, code] of dropped) this.onDrop(item, code);
    /** By leader: the items of a file that is a target. */
    const files = new Map<number, number[]>();
    const fileOf = (leader: number): number[] => {
      const file = files.get(leader) ?? membersOf(order, leader);
      files.set(leader, file);
      return file;
    };
    for (const target of targets) {
      const file = items[target] as number[];
      const leader = leaderOf.get(file[0] ?? -1);
      if (leader === undefined || files.get(leader) === file) continue;
      const isIn = new Set(file);
      for (const item of membersOf(order, leader)) if (!isIn.has(item)) file.push(item);
      files.set(leader, file);
    }
    for (const [i, target] of targets.entries()) {
      if (items[target] !== NONE) continue;
      if (i % BETWEEN_PAUSES === 0) yield;
      const at = yield* this.find(order, leaders, target);
      if (at >= 0) items[target] = fileOf(leaders[at] as number);
    }
  }

  /** The place of a target's file among leaders, which ascend; -1 when it is none of them. */
  *find(order: DescriptionOrder, leaders: ArrayLike<number>, target: number): Steps<number> {
    for (let low = 0, high = leaders.length; low < high; ) {
      const middle = (low + high) >>> 1;
      const result = this.walkGroup(order, leaders[middle] as number, target);
      if (this.walks.isDue) yield* this.walks.rest();
      if (result === 0) return middle;
      if (result < 0) low = middle + 1;
      else high = middle;
    }
    return -1;
  }

  /** Negative when the item orders before the target's file; undefined when it could not be compared. */
  walk(item: number, target: number): number | undefined {
    const { ids, fds } = this.links;
    const result = this.walks.compare(ids[item] as number, fds[item] as number, this.targets[target] as EpollItem);
    if (result >= 0) return result === 1 ? -1 : result;
    if (result === -ENOENT) return GONE;
    this.onDrop(item, errnoName(result));
    return undefined;
  }

  /** As above for a whole description, by the first member that is still open. */
  walkGroup(order: DescriptionOrder, leader: number, target: number): number {
    for (const item of membersOf(order, leader)) {
      const result = this.walk(item, target);
      if (result !== undefined) return result;
    }
    return GONE;
  }
}
