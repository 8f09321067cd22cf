/** What one look at a table found. */
import type { Holder } from '../../scan/holder.ts';
import type { Scan, Table } from '../../scan/tables.ts';
import type { Still, Witness } from './subject.ts';

/** So many descriptors are looked at between two pauses. */
export const BETWEEN_PAUSES = 256;
/** What stands for no end: a descriptor that shares the subject's inode, and no more. */
export const NO_END = '';
/** What stands for a descriptor that was on another inode just before. */
export const CHANGED = 'changed';

/** A descriptor that is the subject, shares its inode, or is of its other end. */
export interface Sighting extends Witness {
  holder: Holder;
  /** Which end it is of, '' for none. */
  end: string;
}

/** What one look at a table found. */
export interface Found {
  fds: readonly number[];
  sightings: Sighting[];
  /** Codes of what could not be compared. */
  skipped: string[];
  /** Whether something was closed, or became another file, while it was looked at. */
  hasGone: boolean;
  /** Descriptors that are epoll instances, where links are read. */
  epolls: number[];
}

export const NOTHING: Found = { fds: [], sightings: [], skipped: [], hasGone: false, epolls: [] };

export const isHolder = ({ result }: Sighting): boolean => result === 0;

export function countOf(sightings: Iterable<Sighting>, isCounted: (one: Sighting) => boolean): number {
  let count = 0;
  for (const one of sightings) if (isCounted(one)) count++;
  return count;
}

/** Whether two looks at a table found the same. */
export const isAlike = (a: Found, b: Found): boolean =>
  a.fds.length === b.fds.length && a.fds.every((fd, i) => fd === b.fds[i]) && areAlike(a.sightings, b.sightings);

export function areAlike(a: readonly Sighting[], b: readonly Sighting[]): boolean {
  const isSame = ({ fd, result, end }: Sighting, i: number): boolean =>
    fd === b[i]?.fd && result === b[i]?.result && end === b[i]?.end;
  return a.length === b.length && a.every(isSame);
}

/** The subject's holders that cannot have become another file since they were found to be, as kcmp(2) alone tells. */
export function* stillHolders(all: ReadonlyMap<Table, Found>, scan: Scan): Generator<Still> {
  if (!scan.comparable) return;
  for (const [table, { sightings }] of all) {
    const { pid, rest } = table;
    const holders = sightings.filter(isHolder);
    if (holders.length > 0 && scan.isStill(table)) for (const witness of holders) yield { witness, pid, rest };
  }
}
