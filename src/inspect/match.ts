/**
 * Which description is each target? Every comparison with a target makes the kernel walk the instance's items, so
 * each was looked for at its own number first, and only what that leaves open is searched.
 *
 * The kernel keeps its items by file and then by number (ep_cmp_ffd() of fs/eventpoll.c): targets of one file stand
 * side by side, and ascend.
 */
import type { FileRef } from '../binding/kcmp.ts';
import type { Candidates, InodeClass } from './candidates.ts';
import type { Span } from './columns.ts';
import { DescriptionOrder, refAt } from './descriptions.ts';
import type { Links } from './links.ts';
import type { EpollItem } from './reports.ts';
import { Search } from './search.ts';

const NOBODY = -1;

/** Finds the holders of targets of the instance `efd` of `pid`, which are in the kernel's order. */
export class Matcher {
  /** By target: the item of its own number, if that is its file, or -1. */
  readonly found: Int32Array;
  readonly #links: Links;
  readonly #targets: readonly EpollItem[];
  readonly #order: DescriptionOrder;
  readonly #search: Search;

  /** @param onDrop - told of every descriptor that could not be compared */
  constructor(pid: number, efd: number, links: Links, targets: readonly EpollItem[], onDrop: (id: number, code: string) => void) {
    const drop = (item: number, code: string): void => onDrop(links.ids[item] as number, code);
    this.#links = links;
    this.#targets = targets;
    this.#order = new DescriptionOrder(links, drop);
    this.found = new Int32Array(targets.length).fill(NOBODY);
    this.#search = new Search(pid, efd, links, targets, this.found, this.#order, drop);
  }

  /** Takes what was proven before the scan, if the scan saw a file of that inode there. */
  takeProven(proven: Uint8Array, own: Span, candidates: Candidates): void {
    const { found } = this;
    for (let i = 0; i < found.length; i++) {
      if (proven[i] === 0) continue;
      const item = this.#links.itemOf(own, (this.#targets[i] as EpollItem).tfd);
      if (item >= 0 && candidates.inodeOf(item) === candidates.inodes[i]) found[i] = item;
    }
  }

  /** Looks for all that is open about one inode. */
  resolve(open: InodeClass): void {
    this.#search.resolve(open);
  }

  /** By target: who holds it. Neighbours that are one file have one array. */
  holders(inodes: Float64Array): FileRef[][] {
    const { found } = this;
    const { more, fileOf } = this.#search;
    const all: FileRef[][] = [];
    let before = NOBODY;
    let holders: FileRef[] = [];
    for (let i = 0; i < found.length; i++) {
      const item = found[i] as number;
      if (item >= 0) {
        const ref = refAt(this.#links, item);
        if (before >= 0 && inodes[before] === inodes[i] && this.#isOneFile(before, i)) {
          if (found[before] !== item) holders.push(ref);
        } else {
          const others = more.get(i);
          holders = others === undefined ? [ref] : [ref, ...others];
        }
        before = i;
      }
      all.push(item < 0 ? (more.get(i) ?? []) : holders);
    }
    for (const [target, file] of fileOf) all[target] = all[file] as FileRef[];
    return all;
  }

  /** Are two neighbours one file? What the search has told apart need not be compared. */
  #isOneFile(a: number, b: number): boolean {
    const { places } = this.#search;
    if (places[a] !== places[b]) return false;
    if (this.found[a] === this.found[b] || (places[a] as number) > 0) return true;
    const ascend = (this.#targets[a] as EpollItem).tfd < (this.#targets[b] as EpollItem).tfd;
    return ascend && this.#order.compare(this.found[a] as number, this.found[b] as number) === 0;
  }
}
