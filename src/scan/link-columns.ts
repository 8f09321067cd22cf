/** The descriptors of a scan with what their links read, by raw reads where these are to be had. */
import type { FdFolder } from '../procfs/fd-directory.ts';
import { readLink } from '../procfs/fd.ts';
import { search } from '../util/merge-sort.ts';
import { Columns, type Span } from './columns.ts';
import { isOurs } from './observer.ts';

const NOTHING: readonly string[] = [];

export class Links extends Columns {
  readonly ids: number[] = [];
  readonly fds: number[] = [];
  /** Null when it is gone or refused. */
  readonly links: Array<string | null> = [];
  readonly #hidden: number;
  readonly #pid: number;
  readonly #sure: readonly string[];
  #distance = 0;

  /**
   * @param hidden - a descriptor that is open here for the scan alone, or -1
   * @param sure - by descriptor of `pid`: links that are known for certain
   */
  constructor(hidden: number, pid: number, sure: readonly string[]) {
    super();
    this.#hidden = hidden;
    this.#pid = pid;
    this.#sure = sure;
  }

  get length(): number {
    return this.fds.length;
  }
  set length(length: number) {
    this.ids.length = this.fds.length = this.links.length = length;
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

  protected readOpen(id: number, folder: FdFolder): boolean {
    const sure = id === this.#pid ? this.#sure : NOTHING;
    return folder.visitOpen((fd) => {
      const link = sure[fd] ?? folder.link(fd);
      if (typeof link === 'number') return link;
      this.#add(id, fd, link, fd === folder.fd ? fd : this.#hidden);
      return 0;
    });
  }

  protected readListed(id: number, fd: number): void {
    this.#add(id, fd, readLink(id, fd), this.#hidden);
  }

  #add(id: number, fd: number, link: string | null, hidden: number): void {
    if (fd === hidden && isOurs(id, fd)) return;
    this.ids.push(id);
    this.fds.push(fd);
    this.links.push(link);
  }
}
