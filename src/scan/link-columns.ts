/** The descriptors of a scan with what their links read, by raw reads where these are to be had. */
import type { FdFolder } from '../procfs/raw/fd-directory.ts';
import { readLink } from '../procfs/fd.ts';
import { search } from '../util/merge-sort.ts';
import { Columns, type Span } from './columns.ts';
import { isOurs } from './listing.ts';

const NOTHING: readonly string[] = [];

export class Links extends Columns {
  readonly ids: number[] = [];
  readonly fds: number[] = [];
  /** Null when it is gone or refused. */
  readonly links: Array<string | null> = [];
  readonly #pid: number;
  readonly #sure: readonly string[];
  #distance = 0;

  /**
   * @param sure - by descriptor of `pid`: links that are known for certain
   */
  constructor(pid: number, sure: readonly string[]) {
    super();
    this.#pid = pid;
    this.#sure = sure;
  }

  get length(): number {
    return this.fds.length;
  }
  set length(length: number) {
    this.ids.length = this.fds.length = this.links.length = length;
  }

  /** Whether two readings of one table found the same. */
  isAlike(a: Span, b: Span): boolean {
    if (a.end - a.start !== b.end - b.start) return false;
    for (let i = a.start, j = b.start; i < a.end; i++, j++) {
      if (this.fds[i] !== this.fds[j] || this.links[i] !== this.links[j]) return false;
    }
    return true;
  }

  /** The items by which two readings of one table differ, each of them alone. */
  differences(a: Span, b: Span): Span[] {
    const alone: Span[] = [];
    for (let i = a.start, j = b.start; i < a.end || j < b.end; ) {
      const [before, now] = [i < a.end ? this.fds[i] : Infinity, j < b.end ? this.fds[j] : Infinity] as [
        number,
        number,
      ];
      const isOther = before !== now || this.links[i] !== this.links[j];
      if (isOther && before <= now) alone.push({ start: i, end: i + 1 });
      if (isOther && before >= now) alone.push({ start: j, end: j + 1 });
      if (before <= now) i++;
      if (before >= now) j++;
    }
    return alone;
  }

  /** The item of a descriptor, or -1. */
  itemOf({ start, end }: Span, fd: number): number {
    const { fds } = this;
    // Between two gaps every item stands as far from its number as the others.
    const guess = fd + this.#distance;
    if (guess >= start && guess < end && fds[guess] === fd) return guess;
    const at = search(fds, (other) => other - fd, start, Math.min(end, start + fd + 1));
    if (at < 0) return -1;
    this.#distance = at - fd;
    return at;
  }

  protected visitor(id: number, folder: FdFolder): (fd: number) => number {
    const sure = id === this.#pid ? this.#sure : NOTHING;
    return (fd) => {
      const link = sure[fd] ?? folder.link(fd);
      if (typeof link === 'number') return link;
      this.#add(id, fd, link);
      return 0;
    };
  }

  protected readListed(id: number, fd: number): void {
    this.#add(id, fd, readLink(id, fd));
  }

  #add(id: number, fd: number, link: string | null): void {
    if (isOurs(id, fd)) return;
    this.ids.push(id);
    this.fds.push(fd);
    this.links.push(link);
  }
}
