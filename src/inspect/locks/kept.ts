/** Which descriptors keep which locks, by what their fdinfo shows. */
import type { FileRef } from '../../binding/kcmp.ts';
import { type LockLine, locksOfFdinfo } from '../../procfs/locks.ts';
import { readStart } from '../../procfs/raw/start.ts';
import { fdinfoOf, type Holder } from '../../scan/holder.ts';
import type { Steps } from '../../scan/steps.ts';
import { isSame } from '../../scan/subject.ts';
import { addTo } from '../../util/multimap.ts';

/** A lock, and the descriptors that show it. */
export interface Kept extends LockLine {
  keptBy: FileRef[];
}

/** The same, and what its descriptors are taken for. */
interface Shown extends Kept {
  anchor: FileRef;
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

/** Which file a descriptor is on. */
const identityOf = (fdinfo: string): string | undefined => /^mnt_id:.*(?:\nino:.*)?/m.exec(fdinfo)?.[0];

/**
 * What a descriptor shows: as it was described with its file, or as long as it is that file, by now.
 * @param isAnew - whether it is to be read anew
 */
function linesOf({ ref, anchor }: Keeper, comparable: boolean, isAnew: boolean): LockLine[] {
  const then = fdinfoOf(ref);
  const now = isAnew ? readStart(ref.pid, `fdinfo/${ref.fd}`) : '';
  const isIt = now !== '' && identityOf(now) === identityOf(then) && (!comparable || isSame(anchor, ref));
  return locksOfFdinfo(isIt ? now : then);
}

/**
 * The locks that descriptors show. Two that are alike, of one process on one file, are two when they are of two
 * descriptions; that of POSIX is one table's.
 * @param comparable - whether kcmp can tell; where not, what excludes others is one lock
 * @param isAnew - whether all are to be read anew
 */
export function* keptAmong(keepers: readonly Keeper[], comparable: boolean, isAnew: boolean): Steps<Kept[]> {
  const found = new Map<string, Shown[]>();
  const isOne = (kept: Shown, { ref, anchor }: Keeper): boolean => {
    const { type, mode, keptBy } = kept;
    if (type === 'posix') return keptBy[0]?.pid === ref.pid;
    return kept.anchor === anchor || (comparable ? isSame(keptBy[0] as FileRef, ref) : mode === 'write');
  };
  for (const keeper of keepers) {
    yield;
    for (const line of linesOf(keeper, comparable, isAnew)) {
      const text = textOf(line);
      const known = found.get(text)?.find((kept) => isOne(kept, keeper));
      if (known !== undefined) known.keptBy.push(keeper.ref);
      else addTo(found, text, { ...line, keptBy: [keeper.ref], anchor: keeper.anchor });
    }
  }
  return [...found.values()].flat();
}
