/** The descriptors of a scan with what their links read, by raw reads where these are to be had. */
import { KCMP_FILE } from '../binding/abi.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { listDescriptors, readLink } from '../procfs/descriptors.ts';
import { FdFolder } from '../procfs/fd-folder.ts';
import { PROC } from '../procfs/processes.ts';

const { constants } = process.getBuiltinModule('node:os');

const { ENOENT } = constants.errno;
/** So many numbers in a row are tried in vain before the kernel is asked. */
const GAP = 4;
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

  /**
   * Numbers are handed out lowest first, so the next one is mostly open, which reading its link tells; behind a gap
   * the kernel is asked for the next ones. So no number is left out, and none is listed that need not be.
   * @returns false when the raw calls are not to be had
   */
  #read(id: number): boolean {
    const folder = FdFolder.open(id, 'fd');
    if (folder === undefined) return false;
    const sure = id === this.#pid ? this.#sure : NOTHING;
    try {
      for (let fd = 0; ; ) {
        for (let misses = 0; misses < GAP; fd++) {
          const link = sure[fd] ?? folder.link(fd);
          if (typeof link === 'string') this.#add(id, fd, link, fd === folder.fd ? fd : this.#hidden);
          else if (link === -ENOENT) misses++;
          else return false;
        }
        const next = folder.numbersFrom(fd);
        if (typeof next === 'number') return false;
        if (next.length === 0) return true;
        for (fd of next) {
          const link = folder.link(fd);
          if (typeof link === 'string') this.#add(id, fd, link, fd === folder.fd ? fd : this.#hidden);
          else if (link !== -ENOENT) return false;
        }
        fd++;
      }
    } finally {
      folder.close();
    }
  }

  #add(id: number, fd: number, link: string | null, hidden: number): void {
    if (fd === hidden && isOurs(id, fd, link)) return;
    this.ids.push(id);
    this.fds.push(fd);
    this.links.push(link);
  }
}

/** Is this what is open here under the same number? Where kcmp cannot tell, by the link, which names the file of one task. */
function isOurs(id: number, fd: number, link: string | null): boolean {
  const result = kcmpRaw(process.pid, id, KCMP_FILE, fd, fd);
  return result === 0 || (result < 0 && link?.startsWith(`${PROC}/`) === true && link === readLink(process.pid, fd));
}
