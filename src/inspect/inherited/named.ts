/** What inherited descriptors are called. */
import type { FileRef } from '../../binding/kcmp.ts';
import { Sockets } from '../../netlink/sockets.ts';
import type { FileKind } from '../../procfs/kind.ts';
import { inodeOf, isSocketLink } from '../../procfs/link.ts';
import type { Steps } from '../../scan/steps.ts';
import { nameOfOpen } from '../groups/name.ts';
import type { Allow } from './allow.ts';

/** So many are named between two pauses. */
const BETWEEN_PAUSES = 16;

interface Nameless {
  fd: number;
  /** Who gave it, where that is known. */
  from?: FileRef;
  kind: FileKind;
  link: string | null;
}

export type Named<T> = T & { name: string | null };

/**
 * @param givers - in whose network namespaces sockets may be as well
 * @param allowed - what is left out, by its name
 * @param isStill - whether nothing under the numbers of the process asked about can have changed
 */
export function* named<T extends Nameless>(
  pid: number,
  givers: readonly number[],
  files: readonly T[],
  allowed: Allow,
  isStill: () => boolean,
): Steps<Array<Named<T>>> {
  const inos = files.map(({ link }) => (isSocketLink(link) ? inodeOf(link as string) : 0)).filter((ino) => ino > 0);
  const sockets = new Sockets(() => [pid, ...givers], inos);
  function* pause(i: number): Steps<void> {
    if (i % BETWEEN_PAUSES > 0) return;
    // Whoever asks about this very process meanwhile would find what it asks with.
    sockets.close();
    yield i / files.length;
  }
  const all: Array<Named<T>> = [];
  try {
    for (const [i, file] of files.toSorted((a, b) => a.fd - b.fd).entries()) {
      yield* pause(i);
      all.push({ ...file, name: (yield* nameOfOpen({ pid, fd: file.fd }, file, sockets)) ?? null });
    }
    // Two files by turns may be read as one: then whoever gave it calls it otherwise.
    for (const [i, file] of (isStill() ? [] : all).entries()) {
      yield* pause(i);
      if (file.from !== undefined && file.name !== (yield* nameOfOpen(file.from, file, sockets))) file.name = null;
    }
    return all.filter(({ fd, name }) => !allowed(fd, name));
  } finally {
    sockets.close();
  }
}
