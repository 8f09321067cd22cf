/**
 * Which descriptors are each target's file? What its own number does not prove is searched, one inode at a time.
 *
 * A comparison with a target makes the kernel walk all items of the instance, so that descriptors are compared with
 * one another first, and walks are left to targets that are elsewhere. The kernel keeps its items by file and then by
 * number (ep_cmp_ffd() of fs/eventpoll.c): targets of one file stand side by side, and ascend.
 */
import { kcmpEpollRaw } from '../../binding/syscall.ts';
import { DescriptionOrder } from '../../descriptions/order.ts';
import type { EpollItem } from '../../procfs/epoll-items.ts';
import { isAnonymousLink } from '../../procfs/link.ts';
import type { Span } from '../../scan/columns.ts';
import type { Links } from '../../scan/link-columns.ts';
import { membersOf, search } from '../../util/merge-sort.ts';
import { addTo } from '../../util/multimap.ts';
import type { Candidates, InodeClass } from './inode-classes.ts';

const { ENOENT } = process.getBuiltinModule('node:os').constants.errno;

/** So many pairs may all be compared once something has moved, which costs some twenty milliseconds. */
const FEW_PAIRS = 50_000;
/** Of so many files the kinds are known, even should one have changed since its link was read. */
const MANY = 64;
/** What a target that is gone compares as: it fits nothing. */
const GONE = -2;

/** The items of one file; targets of one file have one such list. */
type Items = number[];
const NONE: Items = [];

/** What a search found about one inode. */
interface Match {
  /** Further items of files that were known. */
  more: Map<Items, Items>;
  /** By target that is not at its number: the items of its file. */
  elsewhere: Map<number, Items>;
}

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
  /** What the search of one inode sorted, to see afterwards whether it still stands in its order. */
  #sorted: Int32Array[] = [];
  /** Whether to try one by one what a search does not find. */
  #isThorough = false;

  /** @param onDrop - told of every descriptor that could not be compared */
  constructor(
    pid: number,
    efd: number,
    links: Links,
    targets: readonly EpollItem[],
    onDrop: (id: number, code: string) => void,
  ) {
    this.#pid = pid;
    this.#efd = efd;
    this.#links = links;
    this.#targets = targets;
    this.#onDrop = (item, code) => onDrop(links.ids[item] as number, code);
    this.#order = new DescriptionOrder(links, this.#onDrop);
    this.items = targets.map(() => NONE);
  }

  /** Takes what was proven before the scan, if the scan saw a file of that inode there. */
  takeProven(proven: Uint8Array, own: Span, { inodes, inodeOf }: Candidates): void {
    let before = -1;
    let itemBefore = -1;
    for (let i = 0; i < proven.length; i++) {
      if (proven[i] === 0) continue;
      const item = this.#links.itemOf(own, this.#tfd(i));
      if (item < 0 || inodeOf(item) !== inodes[i]) continue;
      const isOneFile =
        before >= 0 &&
        inodes[before] === inodes[i] &&
        this.#tfd(before) < this.#tfd(i) &&
        this.#order.compare(itemBefore, item) === 0;
      if (isOneFile) (this.items[i] = this.items[before] as Items).push(item);
      else this.items[i] = [item];
      before = i;
      itemBefore = item;
    }
  }

  /** Looks for all that is open about one inode. */
  resolve(open: InodeClass): void {
    this.#isThorough = false;
    this.#order.hasMoved = false;
    this.#sorted = [];
    let match = this.#match(open);
    const unsteady = this.#sorted.find((leaders) => !this.#order.steady(leaders));
    // What changed meanwhile may have sent a search the wrong way.
    if (this.#order.hasMoved && (open.own.length + open.others.length) * open.targets.length <= FEW_PAIRS) {
      this.#isThorough = true;
      match = this.#match(open);
    } else for (const leader of unsteady ?? []) this.#onDrop(leader, 'EAGAIN');
    for (const [items, more] of match.more) items.push(...more);
    for (const [target, items] of match.elsewhere) this.items[target] = items;
  }

  #match({ targets, own, others }: InodeClass): Match {
    const files = [...new Set(targets.map((target) => this.items[target] as Items))].filter((items) => items !== NONE);
    const isMissing = targets.some((target) => this.items[target] === NONE);
    const items = [...own, ...others];
    const { more, rest } = this.#join(files, isMissing || files.length < MANY ? items : this.#ofKinds(files, items));
    return { more, elsewhere: isMissing ? this.#search(targets, rest) : new Map() };
  }

  /** Leaves out what shares the anonymous inode with these files but is of another kind, such as a timerfd among eventfds. */
  #ofKinds(files: Items[], items: Items): Items {
    const { links } = this.#links;
    const kinds = new Set(files.map((file) => links[file[0] as number]));
    return items.filter((item) => !isAnonymousLink(links[item] ?? null) || kinds.has(links[item]));
  }

  /** Gives items to the files that they are: the fewer of both are sorted, the others looked up among them. */
  #join(files: Items[], items: Items): { more: Map<Items, Items>; rest: Items } {
    const fileOf = new Map(files.map((file) => [file[0] as number, file]));
    const known = [...fileOf.keys()];
    const [few, many] = items.length <= known.length ? [items, known] : [known, items];
    const leaders = this.#sort(few);
    const more = new Map<Items, Items>();
    const taken = new Set<number>();
    for (const one of many) {
      const at = this.#find(leaders, (leader) => this.#order.compare(leader, one));
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
  #search(targets: readonly number[], items: Items): Map<number, Items> {
    const elsewhere = new Map<number, Items>();
    // Mostly a file is one target: without those already found the search takes fewer walks.
    const free = Array.from(this.#sort(items));
    for (const target of targets) {
      if (this.items[target] !== NONE) continue;
      const at = this.#find(free, (leader) => this.#walkGroup(leader, target));
      if (at >= 0) elsewhere.set(target, membersOf(this.#order, free.splice(at, 1)[0] as number));
    }
    for (const order of [targets, targets.toReversed()]) {
      let before = NONE;
      for (const target of order) {
        const known = elsewhere.get(target) ?? (this.items[target] as Items);
        const isLike = known === NONE && before !== NONE && this.#walk(before[0] as number, target) === 0;
        if (isLike) elsewhere.set(target, before);
        before = isLike ? before : known;
      }
    }
    return elsewhere;
  }

  #sort(items: Items): Int32Array {
    const { leaders } = this.#order.group(Int32Array.from(items));
    this.#sorted.push(leaders);
    return leaders;
  }

  #find(sorted: ArrayLike<number>, probe: (leader: number) => number): number {
    const at = search(sorted, probe);
    return at < 0 && this.#isThorough
      ? Array.prototype.findIndex.call(sorted, (leader: number) => probe(leader) === 0)
      : at;
  }

  #tfd(target: number): number {
    return (this.#targets[target] as EpollItem).tfd;
  }

  /** Negative when the item orders before the target's file; undefined when it is closed. */
  #walk(item: number, target: number): number | undefined {
    const { ids, fds } = this.#links;
    const { tfd, toff } = this.#targets[target] as EpollItem;
    const result = kcmpEpollRaw(ids[item] as number, this.#pid, fds[item] as number, this.#efd, tfd, toff);
    if (result >= 0) return result === 1 ? -1 : result;
    this.#order.hasMoved = true;
    return result === -ENOENT ? GONE : undefined;
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
