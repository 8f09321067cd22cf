/**
 * Which description is each target? Every comparison with a target makes the kernel walk the instance's items, so
 * each is looked for at its own number first, and only what that leaves open is searched.
 *
 * The kernel keeps its items by file (ep_cmp_ffd() of fs/eventpoll.c): targets of one file stand side by side.
 */
import type { FileRef } from '../binding/kcmp.ts';
import type { Candidates, InodeClass } from './candidates.ts';
import { DescriptionOrder, refAt } from './descriptions.ts';
import type { Links, Span } from './links.ts';
import type { EpollItem } from './reports.ts';
import { Search } from './search.ts';
import { Walks } from './walks.ts';

const NOBODY = -1;

/** Finds the holders of targets of the instance `efd` of `pid`, which are in the kernel's order. */
export class Matcher {
  /** By target: the item of its own number, if that is its file, or -1. */
  readonly found: Int32Array;
  /** By target: who holds it. Neighbours that are one file have one array. */
  readonly holders: FileRef[][] = [];
  readonly #links: Links;
  readonly #targets: readonly EpollItem[];
  readonly #order: DescriptionOrder;
  readonly #walks: Walks;
  readonly #onDrop: (id: number, code: string) => void;

  /** @param onDrop - told of every descriptor that could not be compared */
  constructor(pid: number, efd: number, links: Links, targets: readonly EpollItem[], onDrop: (id: number, code: string) => void) {
    this.#links = links;
    this.#targets = targets;
    this.#onDrop = onDrop;
    this.#order = new DescriptionOrder(links, (item, code) => onDrop(links.ids[item] as number, code));
    this.#walks = new Walks(pid, efd, links, this.#order);
    this.found = new Int32Array(targets.length).fill(NOBODY);
  }

  /** Looks for every target at its own number: one walk a target, which is all that most of them take. */
  tryOwnNumbers(own: Span, candidates: Candidates): void {
    const { found } = this;
    const { inodes } = candidates;
    for (let i = 0; i < found.length; i++) {
      const target = this.#targets[i] as EpollItem;
      const item = this.#links.itemOf(own, target.tfd);
      if (item >= 0 && candidates.inodeOf(item) === inodes[i] && this.#walks.compare(item, target) === 0) found[i] = item;
    }
    this.#joinNeighbours(inodes);
  }

  #joinNeighbours(inodes: Float64Array): void {
    let before = NOBODY;
    let inode = NaN;
    let holders: FileRef[] = [];
    for (let i = 0; i < this.found.length; i++) {
      const item = this.found[i] as number;
      if (item < 0) {
        this.holders.push([]);
        continue;
      }
      if (item !== before) {
        const same = before >= 0 && inode === inodes[i] && this.#order.compare(before, item) === 0;
        if (same) holders.push(refAt(this.#links, item));
        else holders = [refAt(this.#links, item)];
      }
      this.holders.push(holders);
      before = item;
      inode = inodes[i] as number;
    }
  }

  /** Looks for all that is open about one inode. */
  resolve(open: InodeClass): void {
    new Search(this.#links, this.#targets, this.#order, this.#walks, this).resolve(open, this.#onDrop);
  }
}
