/**
 * The descriptors of many tasks with their inodes, as parallel arrays. What a child has from its parent under the
 * same number is found by one comparison and not looked at any further.
 */
import { KCMP_FILE } from '../binding/abi.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { listDescriptors, statIno } from '../procfs/descriptors.ts';
import { FdFolder } from '../procfs/fd-folder.ts';
import { listTasks } from '../procfs/processes.ts';
import { readStat } from '../procfs/stat.ts';

const { constants } = process.getBuiltinModule('node:os');

const { ENOENT, ESRCH } = constants.errno;
const UNREADABLE = -1;

interface Span {
  start: number;
  end: number;
}

export class OpenFiles {
  ids: Int32Array = new Int32Array(1024);
  fds: Int32Array = new Int32Array(1024);
  /** Inode numbers, or -1 when there is none to be read. */
  inos: Float64Array = new Float64Array(1024);
  devs: Int32Array = new Int32Array(1024);
  modes: Uint16Array = new Uint16Array(1024);
  /** The first item that was the same description, itself where no guess came true. */
  origins: Int32Array = new Int32Array(1024);
  length = 0;
  readonly #spans = new Map<number, Span>();

  /** The items of a task that was read. */
  spanOf(id: number): Span {
    // A leader that has ended may stand for its threads with a table that could not be read.
    return this.#spans.get(id) ?? { start: 0, end: 0 };
  }

  /** Reads a task: its descriptors, ascending, or the errno's name. */
  readonly list = (id: number): number[] | string => {
    const start = this.length;
    const failed = this.#read(id);
    if (failed !== undefined) return failed;
    this.#spans.set(id, { start, end: this.length });
    return Array.from(this.fds.subarray(start, this.length));
  };

  /** Looks at an item again by itself. */
  refresh(item: number): void {
    const stat = statIno(this.ids[item] as number, this.fds[item] as number);
    this.origins[item] = item;
    this.inos[item] = typeof stat === 'string' ? UNREADABLE : Number(stat.ino);
    if (typeof stat === 'string') return;
    this.modes[item] = Number(stat.mode);
    this.devs[item] = (Number((stat.dev >> 8n) & 0xfffn) << 20) | Number((stat.dev & 0xffn) | ((stat.dev >> 12n) & 0xfff00n));
  }

  #read(id: number): string | undefined {
    const start = this.length;
    const folder = FdFolder.open(id, 'fd');
    try {
      if (folder !== undefined && this.#readFast(id, folder)) return undefined;
    } finally {
      folder?.close();
    }
    this.length = start;
    return this.#readSlowly(id);
  }

  #readFast(id: number, folder: FdFolder): boolean {
    const start = this.length;
    const parent = this.#parentOf(id);
    const count = folder.count();
    if (count < 0) return false;
    if (count > 0 && this.#readDensely(id, folder, parent, count)) return true;
    this.length = start;
    const fds = listDescriptors(id);
    if (typeof fds === 'string') return false;
    let at = parent.start;
    for (const fd of fds) {
      while (at < parent.end && (this.fds[at] as number) < fd) at++;
      if (at < parent.end && this.fds[at] === fd && this.#isSame(at, id, fd)) this.#inherit(id, fd, at);
      else this.#add(id, fd, folder);
    }
    return true;
  }

  /** Numbers are handed out lowest first, so trying 0, 1, 2, … finds all of them; false where the gaps are too many. */
  #readDensely(id: number, folder: FdFolder, parent: Span, count: number): boolean {
    let found = 0;
    let misses = 16 + (count >> 2);
    let wrongGuesses = 64 + count * 4;
    let at = parent.start;
    for (let fd = 0; found < count; fd++) {
      if (at < parent.end && this.fds[at] === fd) {
        const result = kcmpRaw(this.ids[at] as number, id, KCMP_FILE, fd, fd);
        at++;
        if (result === 0) {
          this.#inherit(id, fd, at - 1);
          found++;
          continue;
        }
        // Closed on one side or the other; should it be the parent's, the numbers will not suffice.
        if (result < 0) {
          if (--wrongGuesses < 0) return false;
          continue;
        }
      }
      if (this.#add(id, fd, folder)) found++;
      else if (--misses < 0) return false;
    }
    // One that was opened meanwhile may have been counted in the place of another further up.
    return folder.count() === count;
  }

  /** With one descriptor at a time, and no calls but Node's. */
  #readSlowly(id: number): string | undefined {
    const fds = listDescriptors(id);
    if (typeof fds === 'string') return fds;
    for (const fd of fds) this.#pushRead(id, fd);
    return undefined;
  }

  #pushRead(id: number, fd: number): void {
    this.#push(id, fd, UNREADABLE, 0, 0);
    this.refresh(this.length - 1);
  }

  /** The items of the task's parent, none where it was not read before. */
  #parentOf(id: number): Span {
    const stat = this.#spans.size === 0 ? 'ESRCH' : readStat(id);
    return (typeof stat === 'string' ? undefined : this.#spans.get(stat.ppid)) ?? { start: 0, end: 0 };
  }

  #isSame(item: number, id: number, fd: number): boolean {
    return kcmpRaw(this.ids[item] as number, id, KCMP_FILE, this.fds[item] as number, fd) === 0;
  }

  /** Whether the number is open, be it the folder's own, which is left out. */
  #add(id: number, fd: number, folder: FdFolder): boolean {
    const result = folder.stat(fd);
    if (result === -ENOENT || result === -ESRCH) return false;
    if (fd === folder.fd && isOurs(id, fd)) return true;
    if (result === 0) this.#push(id, fd, folder.ino, folder.dev, folder.mode);
    else this.#pushRead(id, fd);
    return true;
  }

  #inherit(id: number, fd: number, item: number): void {
    this.#push(id, fd, this.inos[item] as number, this.devs[item] as number, this.modes[item] as number);
    this.origins[this.length - 1] = this.origins[item] as number;
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
  }

  #grow(capacity: number): void {
    const larger = <T extends Int32Array | Float64Array | Uint16Array>(from: T, to: T): T => (to.set(from), to);
    this.ids = larger(this.ids, new Int32Array(capacity));
    this.fds = larger(this.fds, new Int32Array(capacity));
    this.inos = larger(this.inos, new Float64Array(capacity));
    this.devs = larger(this.devs, new Int32Array(capacity));
    this.modes = larger(this.modes, new Uint16Array(capacity));
    this.origins = larger(this.origins, new Int32Array(capacity));
  }
}

/** Is this descriptor the folder that is being read? Where kcmp cannot tell, only in tasks of this process. */
function isOurs(id: number, fd: number): boolean {
  const result = kcmpRaw(process.pid, id, KCMP_FILE, fd, fd);
  return result === 0 || (result < 0 && isTaskOfOurs(id));
}

const isTaskOfOurs = (id: number): boolean => {
  const tasks = listTasks(process.pid);
  return typeof tasks !== 'string' && tasks.includes(id);
};
