/** Which descriptors keep which locks, by what their fdinfo shows. */
import type { FileRef } from '../../binding/kcmp.ts';
import { type LockLine, locksOfFdinfo } from '../../procfs/locks.ts';
import { readStart } from '../../procfs/raw/start.ts';
import type { Holder } from '../../scan/holder.ts';
import type { Steps } from '../../scan/steps.ts';
import { isSame } from '../../scan/subject.ts';
import { addTo } from '../../util/multimap.ts';

/** A lock, and the descriptors that show it. */
export interface Kept extends LockLine {
  keptBy: FileRef[];
}

/** A descriptor, and another one of the description that it is taken for. */
export interface Keeper {
  ref: Holder;
  anchor: FileRef;
}

const textOf = ({ type, mode, pid, file, start, end }: LockLine): string =>
  `${type} ${mode} ${pid} ${file} ${start} ${end}`;

/** Whether two lines may tell of one lock. */
export const isAlike = (a: LockLine, b: LockLine): boolean => textOf(a) === textOf(b);

/**
 * The locks that descriptors show. Two that are alike, of one process on one file, are two when they are of two
 * descriptions; that of POSIX is one table's.
 * @param comparable - whether kcmp can tell; where not, what excludes others is one lock
 */
export function* keptAmong(keepers: readonly Keeper[], comparable: boolean): Steps<Kept[]> {
  const found = new Map<string, Kept[]>();
  const isOne = ({ type, mode, keptBy: [first] }: Kept, ref: FileRef): boolean => {
    if (first === undefined || type === 'posix') return first?.pid === ref.pid;
    return comparable ? isSame(first, ref) : mode === 'write';
  };
  for (const { ref, anchor } of keepers) {
    yield;
    const lines = locksOfFdinfo(readStart(ref.pid, `fdinfo/${ref.fd}`));
    // It may have been another file while that was read.
    if (lines.length === 0 || (comparable && !isSame(anchor, ref))) continue;
    for (const line of lines) {
      const text = textOf(line);
      const known = found.get(text)?.find((kept) => isOne(kept, ref));
      if (known !== undefined) known.keptBy.push(ref);
      else addTo(found, text, { ...line, keptBy: [ref] });
    }
  }
  return [...found.values()].flat();
}
