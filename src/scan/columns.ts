/** Descriptor tables one after another in parallel arrays, read by raw calls where these are to be had, else by Node's. */
import { FdFolder } from '../procfs/fd-directory.ts';
import { listDescriptors } from '../procfs/fd.ts';

/** A table's items are neighbours: from `start`, ascending by descriptor, up to `end`. */
export interface Span {
  start: number;
  end: number;
}

const NO_ITEMS: Span = { start: 0, end: 0 };

/** An item is an index into the arrays. */
export abstract class Columns {
  abstract readonly ids: ArrayLike<number>;
  abstract readonly fds: ArrayLike<number>;
  /** How many items there are; made smaller, those behind are gone. */
  abstract length: number;
  readonly #spans = new Map<number, Span>();

  /** Appends all that is open, but for the folder itself; false when the raw calls are not to be had. */
  protected abstract readOpen(id: number, folder: FdFolder): boolean;
  /** Appends a descriptor that was listed, with no calls but Node's. */
  protected abstract readListed(id: number, fd: number): void;

  /** The items of a task that was read. */
  spanOf(id: number): Span {
    // A leader that has ended may stand for its threads with a table that could not be read.
    return this.#spans.get(id) ?? NO_ITEMS;
  }

  /** Reads a task: its descriptors, ascending, or the errno's name. */
  readonly list = (id: number): number[] | string => {
    const start = this.length;
    if (!this.#readByFolder(id)) {
      this.length = start;
      const fds = listDescriptors(id);
      if (typeof fds === 'string') return fds;
      for (const fd of fds) this.readListed(id, fd);
    }
    const end = this.length;
    this.#spans.set(id, { start, end });
    const { fds } = this;
    return Array.from({ length: end - start }, (_, i) => fds[start + i] as number);
  };

  #readByFolder(id: number): boolean {
    const folder = FdFolder.open(id, 'fd');
    if (folder === undefined) return false;
    try {
      return this.readOpen(id, folder);
    } finally {
      folder.close();
    }
  }
}
