/**
 * The targets of an epoll instance, as /proc/PID/fdinfo/EFD lists them.
 *
 * Source: ep_show_fdinfo() of fs/eventpoll.c, Linux 3.8 to 6.18.
 */
import { drain } from '../util/drain.ts';
import { Scanner } from './raw/byte-cursor.ts';
import { eventNames } from './epoll-events.ts';

/** One target of an epoll instance, as /proc/PID/fdinfo/EFD prints it. */
export interface EpollItem {
  /** The number it was registered under; only a label. */
  tfd: number;
  /** How many earlier items have the same `tfd`. */
  toff: number;
  /** The event mask, u32. */
  events: number;
  /** The mask in words; unknown bits in hex. */
  eventNames: string[];
  /** What epoll_wait(2) hands back, u64. */
  data: bigint;
  /** File offset; since Linux 4.13. */
  pos?: number;
  /** The file's inode number; since Linux 4.13. */
  ino?: bigint;
  /** The kernel's internal device number, `major << 20 | minor`; since Linux 4.13. */
  sdev?: number;
}

const INT31_MAX = 2 ** 31 - 1;

const u64 = (high: number, low: number): bigint => (high === 0 ? BigInt(low) : (BigInt(high) << 32n) | BigInt(low));

const DENSE = 2 ** 20; // fs.nr_open's usual value: hardly a descriptor has a number above it

/** How often a number came already; an array, since a map of a million entries costs more than the lines' parsing. */
class Counts {
  #near = new Uint32Array(1024);
  readonly #far = new Map<number, number>();

  next(fd: number): number {
    if (fd >= DENSE) {
      const count = this.#far.get(fd) ?? 0;
      this.#far.set(fd, count + 1);
      return count;
    }
    if (fd >= this.#near.length) {
      const wider = new Uint32Array(Math.max(4 * this.#near.length, fd + 1));
      wider.set(this.#near);
      this.#near = wider;
    }
    const count = this.#near[fd] ?? 0;
    this.#near[fd] = count + 1;
    return count;
  }
}

/** So many lines are read between two pauses. */
const BETWEEN_PAUSES = 2048;

/** Makes what one line becomes; the last three are undefined before Linux 4.13. */
export type MakeItem<T> = (
  tfd: number,
  toff: number,
  events: number,
  eventNames: string[],
  data: bigint,
  pos: number | undefined,
  ino: bigint | undefined,
  sdev: number | undefined,
) => T;

const toItem: MakeItem<EpollItem> = (tfd, toff, events, eventNames, data, pos, ino, sdev) => {
  if (pos !== undefined && ino !== undefined && sdev !== undefined)
    return { tfd, toff, events, eventNames, data, pos, ino, sdev };
  const item: EpollItem = { tfd, toff, events, eventNames, data };
  if (pos !== undefined) item.pos = pos;
  if (ino !== undefined) item.ino = ino;
  if (sdev !== undefined) item.sdev = sdev;
  return item;
};

/**
 * The targets in the kernel's order, which is the one that `toff` counts in. A line is
 * `tfd: 5 events: 19 data: 5` and, since Linux 4.13, `pos:0 ino:1f sdev:e` behind it; others are skipped.
 */
export const parseEpollItems = (text: string | Uint8Array): EpollItem[] => drain(parseItemsAs(text, toItem));

/** As {@link parseEpollItems}, but each becomes what its reader makes of it; with a pause now and then. */
export function* parseItemsAs<T>(text: string | Uint8Array, make: MakeItem<T>): Generator<undefined, T[], undefined> {
  const items: T[] = [];
  const counts = new Counts();
  const names = new Map<number, string[]>();
  const line = new ItemLine(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  for (; !line.atEnd(); line.nextLine()) {
    if (!line.read()) continue;
    const { tfd, events, data, pos, ino, sdev } = line;
    let words = names.get(events);
    if (words === undefined) names.set(events, (words = eventNames(events)));
    items.push(make(tfd, counts.next(tfd), events, words.slice(), data, pos, ino, sdev));
    if (items.length % BETWEEN_PAUSES === 0) yield;
  }
  return items;
}

class ItemLine extends Scanner {
  tfd = 0;
  events = 0;
  data = 0n;
  pos: number | undefined;
  ino: bigint | undefined;
  sdev: number | undefined;

  /** Whether the line is an item, which is then in the fields. */
  read(): boolean {
    if (!this.skip('tfd:')) return false;
    const tfd = this.decimal();
    if (tfd === undefined || tfd < 0 || tfd > INT31_MAX) return false;
    this.tfd = tfd;
    this.skipBlanks();
    if (!this.skip('events:') || !this.hex() || this.high !== 0) return false;
    this.events = this.low;
    this.skipBlanks();
    if (!this.skip('data:') || !this.hex()) return false;
    this.data = u64(this.high, this.low);
    const before = this.ino;
    this.pos = this.ino = this.sdev = undefined;
    for (this.skipBlanks(); !this.atLineEnd(); this.skipBlanks()) {
      if (this.skip('pos:')) this.pos = this.decimal() ?? this.pos;
      else if (this.skip('ino:')) {
        if (this.hex()) this.ino = this.#inode(before);
      } else if (this.skip('sdev:')) {
        if (this.hex() && this.high === 0) this.sdev = this.low;
      }
      this.skipField();
    }
    return true;
  }

  /** Many targets share one inode, so its number is made once. */
  #inode(before: bigint | undefined): bigint {
    if (before === undefined || this.high !== this.#high || this.low !== this.#low) {
      this.#high = this.high;
      this.#low = this.low;
      return u64(this.high, this.low);
    }
    return before;
  }

  #high = 0;
  #low = 0;
}
