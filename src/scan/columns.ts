/**
 * Descriptor tables one after another in parallel arrays, read by raw calls where these are to be had, else by Node's:
 * an object a descriptor would cost more than reading it.
 */
import { KCMP_FILE } from '../binding/abi.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { kcmpRaw } from '../binding/syscall.ts';
import { FdFolder } from '../procfs/raw/fd-directory.ts';
import { listDescriptors } from '../procfs/fd.ts';
import type { Steps } from './steps.ts';

/** Descriptors as parallel arrays; an item is an index into them. */
export interface Descriptors {
  ids: ArrayLike<number>;
  fds: ArrayLike<number>;
}

export const refAt = ({ ids, fds }: Descriptors, item: number): FileRef => ({
  pid: ids[item] as number,
  fd: fds[item] as number,
});

/** kcmp(2)'s own answer about two items, or a negative errno. */
export const kcmpItems = ({ ids, fds }: Descriptors, a: number, b: number): number =>
  kcmpRaw(ids[a] as number, ids[b] as number, KCMP_FILE, fds[a] as number, fds[b] as number);

/** A table's items are neighbours: from `start`, ascending by descriptor, up to `end`. */
export interface Span {
  start: number;
  end: number;
}

const NO_ITEMS: Span = { start: 0, end: 0 };
/** So many numbers are looked at between two pauses. */
const CHUNK = 256;

/** An item is an index into the arrays. */
export abstract class Columns implements Descriptors {
  abstract readonly ids: ArrayLike<number>;
  abstract readonly fds: ArrayLike<number>;
  /** How many items there are; made smaller, those behind are gone. */
  abstract length: number;
  readonly #spans = new Map<number, Span>();

  /**
   * What is to be called for each number: it appends what is open, and answers as {@link FdFolder.visitOpen} wants it.
   * @param isAgain - whether the task was read before: something moved, so that no guess will do
   */
  protected abstract visitor(id: number, folder: FdFolder, isAgain: boolean): (fd: number) => number;
  /** Appends a descriptor that was listed, with no calls but Node's. */
  protected abstract readListed(id: number, fd: number): void;

  /** The items of a task that was read. */
  spanOf(id: number): Span {
    // A leader that has ended may stand for its threads with a table that could not be read.
    return this.#spans.get(id) ?? NO_ITEMS;
  }

  /** Reads a task, also once more: its descriptors, ascending, or the errno's name. */
  *list(id: number): Steps<number[] | string> {
    const start = this.length;
    const isAgain = this.#spans.delete(id);
    if (!(yield* this.#readByFolder(id, isAgain))) {
      this.length = start;
      const fds = listDescriptors(id);
      if (typeof fds === 'string') return fds;
      for (const [i, fd] of fds.entries()) {
        if (i % CHUNK === 0) yield;
        this.readListed(id, fd);
      }
    }
    const end = this.length;
    this.#spans.set(id, { start, end });
    const { fds } = this;
    const list: number[] = []; // Array.from() takes ten times as long
    for (let item = start; item < end; item++) list.push(fds[item] as number);
    return list;
  }

  *#readByFolder(id: number, isAgain: boolean): Steps<boolean> {
    const folder = FdFolder.open(id, 'fd');
    if (folder === undefined) return false;
    try {
      const visit = this.visitor(id, folder, isAgain);
      for (let fd = 0; ; ) {
        fd = folder.visitOpen(fd, CHUNK, visit);
        if (fd === Infinity || fd < 0) return fd > 0;
        yield;
      }
    } finally {
      folder.close();
    }
  }
}
