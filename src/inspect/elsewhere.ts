/**
 * What keeps a file open without a descriptor.
 *
 *   elsewhere/mapped       mappings of the inode
 *   elsewhere/aloft        in flight over a unix socket, or registered with io_uring
 *   elsewhere/registered   what an io_uring instance says of its files
 */
import type { statIno } from '../procfs/fd.ts';
import { kindOf } from '../procfs/kind.ts';
import { part, type Steps } from '../scan/steps.ts';
import type { Scan } from '../scan/tables.ts';
import { carriersIn, lookAloft } from './elsewhere/aloft.ts';
import { mappedBy } from './elsewhere/mapped.ts';
import { registeredWith } from './elsewhere/registered.ts';

/** Something that keeps, or may keep, a description open. */
export interface Elsewhere {
  how: 'in-flight' | 'io_uring' | 'mapped' | 'cwd' | 'root' | 'exe' | 'mount' | 'loop' | 'swap';
  /**
   * The task by which it is known; that of a descriptor when there is an `fd`. Null for the kernel itself. Of a `mount` it
   * is who has something open, or in use, on the filesystem of a device, which is mounted nowhere any more.
   */
  pid: number | null;
  /** The unix socket that something is in flight to, or the io_uring instance. */
  fd?: number;
  /** Of a path: it is not the file that is there now, but one of that name that was deleted. */
  deleted?: true;
  /** Of what the kernel itself has: the loop device, the swap space, or where a filesystem is mounted. */
  name?: string;
  /**
   * `description`: it is this very one. `inode`: this one or another of its inode. `possible`: something is in flight or
   * registered there, and nothing tells what; told only where otherwise nobody else was found.
   */
  sure: 'description' | 'inode' | 'possible';
}

/** Of the work. */
const HALF = 0.5;

const MAPPABLE: ReadonlySet<string> = new Set(['regular', 'memfd']);

/**
 * Looks for what keeps a file open besides descriptors.
 * @param isNobodys - whether nobody else was found to have it: only then what nothing tells is of interest
 */
export function* findElsewhere(
  scan: Scan,
  link: string | null,
  inode: ReturnType<typeof statIno>,
  isNobodys: boolean,
): Steps<Elsewhere[]> {
  if (link === null) return [];
  const elsewhere: Elsewhere[] = [];
  if (typeof inode !== 'string' && MAPPABLE.has(kindOf(link, inode.mode)))
    for (const pid of yield* part(0, HALF, mappedBy(scan, link, inode)))
      elsewhere.push({ how: 'mapped', pid, sure: 'inode' });
  if (!isNobodys) return elsewhere;
  const aloft = yield* part(HALF, 1, lookAloft(scan));
  return [...elsewhere, ...carriersIn(aloft, (text) => registeredWith(text, link))];
}
