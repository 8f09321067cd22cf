/**
 * The descriptors of many tasks with their inodes, as parallel arrays. What a child has from its parent under the
 * same number is found by one comparison and not looked at any further.
 */
import { KCMP_FILE } from '../binding/abi.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import type { FdFolder } from '../procfs/raw/fd-directory.ts';
import { type FileStat, statIno } from '../procfs/fd.ts';
import { S_IFMT, S_IFREG } from '../procfs/kind.ts';
import { readThreadStat } from '../procfs/stat.ts';
import { Columns, type Span } from './columns.ts';
import { isOurs } from './listing.ts';
import type { Steps } from './steps.ts';
import { ERRNO } from '../util/errno.ts';

/** No device has this number. It marks what is open without an inode to be read: on a mount of another user's, say. */
const NO_INODE = -2;
const BETWEEN_PAUSES = 256;

const isOpen = (id: number, fd: number): boolean => kcmpRaw(id, id, KCMP_FILE, fd, fd) === 0;

export class OpenFiles extends Columns {
  ids: Int32Array = new Int32Array(1024);
  fds: Int32Array = new Int32Array(1024);
  /** Inode numbers, or a negative errno where none could be read. */
  inos: Float64Array = new Float64Array(1024);
  devs: Int32Array = new Int32Array(1024);
  modes: Uint16Array = new Uint16Array(1024);
  /** The first item that was the same description, itself where no guess came true. */
  origins: Int32Array = new Int32Array(1024);
  /** Where an item stood among those of its inode when these were last sorted, from 1 on; 0 where it may have moved since. */
  ranks: Int32Array = new Int32Array(1024);
  length = 0;
  /** Whether ids of eventfds stand where their shared inode was; undefined while that is not decided. */
  isSplit: boolean | undefined = undefined;

  /** Whether an item is of no interest, so that it need not be compared. */
  leavesOut: (item: number) => boolean = () => false;

  /** Whether an item is asked about; the others are wanted only as far as they have to do with these. Undefined: all are. */
  isSought: ((item: number) => boolean) | undefined = undefined;

  /** All that is open in some tables, as it was read last. */
  itemsOf(tables: readonly { id: number }[]): Int32Array {
    const spans = tables.map(({ id }) => this.spanOf(id));
    const items = new Int32Array(spans.reduce((count, { start, end }) => count + end - start, 0));
    let count = 0;
    for (const { start, end } of spans) for (let item = start; item < end; item++) items[count++] = item;
    return items;
  }

  /** What items of one inode have in common; hardly ever those of two. */
  keyOf(item: number): number {
    return (this.inos[item] as number) * 1024 + ((this.devs[item] as number) & 1023);
  }

  /** Tells of all items in which two readings of one table differ. */
  differences(a: Span, b: Span, tell: (item: number) => void): void {
    const { fds, inos, devs } = this;
    for (let i = a.start, j = b.start; i < a.end || j < b.end; ) {
      const before = i < a.end ? (fds[i] as number) : Infinity;
      const now = j < b.end ? (fds[j] as number) : Infinity;
      if (before < now) tell(i++);
      else if (now < before) tell(j++);
      else {
        if (inos[i] !== inos[j] || devs[i] !== devs[j]) tell(j);
        i++;
        j++;
      }
    }
  }

  /**
   * Whether an item has another inode by now, although nobody opened anything: of a file that overlayfs copied up, which
   * it does at the first write by whomever.
   */
  isCopied(item: number): boolean {
    if (((this.modes[item] as number) & S_IFMT) !== S_IFREG) return false;
    const stat = statIno(this.ids[item] as number, this.fds[item] as number);
    return typeof stat !== 'string' && (this.inos[item] !== Number(stat.ino) || this.devs[item] !== stat.dev);
  }

  /** Whether any in a span was. */
  *isAnyCopied({ start, end }: Span): Steps<boolean> {
    for (let item = start; item < end; item++) {
      if (item % BETWEEN_PAUSES === 0) yield;
      if (!this.leavesOut(item) && this.isCopied(item)) return true;
    }
    return false;
  }

  /** Looks at an item again by itself. */
  refresh(item: number): void {
    const [id, fd] = [this.ids[item] as number, this.fds[item] as number];
    const stat = statIno(id, fd);
    this.origins[item] = item;
    this.ranks[item] = 0;
    if (typeof stat === 'string') {
      this.inos[item] = isOpen(id, fd) ? 0 : -ERRNO[stat as keyof typeof ERRNO];
      this.devs[item] = NO_INODE;
      this.modes[item] = S_IFMT;
      return;
    }
    this.inos[item] = Number(stat.ino);
    this.modes[item] = stat.mode;
    this.devs[item] = stat.dev;
  }

  /** Whether an item is still on the inode it had, or has none. */
  isOnInode(item: number, stat?: FileStat | string): boolean {
    return this.devs[item] === NO_INODE || this.modeOf(item, stat) !== undefined;
  }

  /** The mode of an item as it was listed; undefined where it has none. */
  modeListed(item: number): number | undefined {
    return this.devs[item] === NO_INODE ? undefined : (this.modes[item] as number);
  }

  /** The mode of an item that is still on the inode it had; undefined when it is not, or has none. */
  modeOf(
    item: number,
    stat: FileStat | string = statIno(this.ids[item] as number, this.fds[item] as number),
  ): number | undefined {
    if (typeof stat === 'string') return undefined;
    const isSame = this.inos[item] === Number(stat.ino) && this.devs[item] === stat.dev;
    const isEventfd = this.isSplit === true && (stat.mode & S_IFMT) === 0;
    return isSame || isEventfd ? stat.mode : undefined;
  }

  protected visitor(id: number, folder: FdFolder, isAgain: boolean): (fd: number) => number {
    const parent = this.#parentOf(isAgain ? 0 : id);
    let at = parent.start;
    return (fd) => {
      while (at < parent.end && (this.fds[at] as number) < fd) at++;
      if (at < parent.end && this.fds[at] === fd && this.#isSame(at, id, fd)) return this.#inherit(id, fd, at);
      const result = folder.stat(fd);
      if (result === 0 && !isOurs(id, fd)) this.#push(id, fd, folder.ino, folder.dev, folder.mode);
      if (result === 0 || !isOpen(id, fd)) return result;
      this.readListed(id, fd);
      return 0;
    };
  }

  protected readListed(id: number, fd: number): void {
    if (isOurs(id, fd)) return;
    this.#push(id, fd, 0, 0, 0);
    this.refresh(this.length - 1);
  }

  /** The items of the task's parent, none where it was not read before. */
  #parentOf(id: number): Span {
    const stat = this.length === 0 || id === 0 ? 'ESRCH' : readThreadStat(id);
    return this.spanOf(typeof stat === 'string' ? 0 : stat.ppid);
  }

  #isSame(item: number, id: number, fd: number): boolean {
    return kcmpRaw(this.ids[item] as number, id, KCMP_FILE, this.fds[item] as number, fd) === 0;
  }

  #inherit(id: number, fd: number, item: number): 0 {
    this.#push(id, fd, this.inos[item] as number, this.devs[item] as number, this.modes[item] as number);
    this.origins[this.length - 1] = this.origins[item] as number;
    return 0;
  }

  #push(id: number, fd: number, ino: number, dev: number, mode: number): void {
    const item = this.length++;
    if (item === this.ids.length) this.#grow(item * 2);
    this.ids[item] = id;
    this.fds[item] = fd;
    this.inos[item] = ino;
    this.devs[item] = dev;
    this.modes[item] = mode;
    this.origins[item] = item;
    this.ranks[item] = 0;
  }

  #grow(capacity: number): void {
    const larger = <T extends Int32Array | Float64Array | Uint16Array>(from: T, to: T): T => (to.set(from), to);
    this.ids = larger(this.ids, new Int32Array(capacity));
    this.fds = larger(this.fds, new Int32Array(capacity));
    this.inos = larger(this.inos, new Float64Array(capacity));
    this.devs = larger(this.devs, new Int32Array(capacity));
    this.modes = larger(this.modes, new Uint16Array(capacity));
    this.origins = larger(this.origins, new Int32Array(capacity));
    this.ranks = larger(this.ranks, new Int32Array(capacity));
  }
}
