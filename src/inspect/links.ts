/** The descriptors of a scan with what their links read, by raw reads where these are to be had. */
import { listDescriptors, readLink } from '../procfs/descriptors.ts';
import { FdFolder } from '../procfs/fd-folder.ts';
import { isOurs } from './ours.ts';

const NOTHING: readonly string[] = [];

/** A table's items are neighbours: from `start`, ascending by descriptor, up to `end`. */
export interface Span {
  start: number;
  end: number;
}

const NO_ITEMS: Span = { start: 0, end: 0 };

/** Parallel arrays of descriptors; an item is an index into them. */
export class Links {
  readonly ids: number[] = [];
  readonly fds: number[] = [];
  /** Null when it is gone or refused. */
  readonly links: Array<string | null> = [];
  readonly #hidden: number;
  readonly #pid: number;
  readonly #sure: readonly string[];
  #distance = 0;
  readonly #spans = new Map<number, Span>();

  /**
   * @param hidden - a descriptor that is open here for the scan alone, or -1
   * @param sure - by descriptor of `pid`: links that are known for certain
   */
  constructor(hidden: number, pid: number, sure: readonly string[]) {
    this.#hidden = hidden;
    this.#pid = pid;
    this.#sure = sure;
  }

  /** The items of a task that was read. */
  spanOf(id: number): Span {
    // A leader that has ended may stand for its threads with a table that could not be read.
    return this.#spans.get(id) ?? NO_ITEMS;
  }

  /** The item of a descriptor, or -1. */
  itemOf({ start, end }: Span, fd: number): number {
    const { fds } = this;
    // Between two gaps every item stands as far from its number as the others.
    const guess = fd + this.#distance;
    if (guess >= start && guess < end && fds[guess] === fd) return guess;
    let low = start;
    let high = Math.min(end, start + fd + 1);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((fds[middle] as number) < fd) low = middle + 1;
      else high = middle;
    }
    if (low === end || fds[low] !== fd) return -1;
    this.#distance = low - fd;
    return low;
  }

  /** Reads a task: its descriptors, ascending, or the errno's name. */
  readonly list = (id: number): number[] | string => {
    const start = this.fds.length;
    if (!this.#read(id)) {
      for (const column of [this.ids, this.fds, this.links]) column.length = start;
      const fds = listDescriptors(id);
      if (typeof fds === 'string') return fds;
      for (const fd of fds) this.#add(id, fd, readLink(id, fd), this.#hidden);
    }
    this.#spans.set(id, { start, end: this.fds.length });
    return this.fds.slice(start);
  };

  /** False when the raw calls are not to be had. */
  #read(id: number): boolean {
    const folder = FdFolder.open(id, 'fd');
    if (folder === undefined) return false;
    const sure = id === this.#pid ? this.#sure : NOTHING;
    try {
      return folder.visitOpen((fd) => {
        const link = sure[fd] ?? folder.link(fd);
        if (typeof link === 'number') return link;
        this.#add(id, fd, link, fd === folder.fd ? fd : this.#hidden);
        return 0;
      });
    } finally {
      folder.close();
    }
  }

  #add(id: number, fd: number, link: string | null, hidden: number): void {
    if (fd === hidden && isOurs(id, fd)) return;
    this.ids.push(id);
    this.fds.push(fd);
    this.links.push(link);
  }
}
