/** What `kcmp who` says of a port, a path and the like that nobody was seen to have. */
import type { OpenReport } from '../../../index.ts';
import { isInFirstNamespace } from '../../../procfs/processes.ts';
import { unseen } from '../../../scan/coverage.ts';
import { addTo } from '../../../util/multimap.ts';
import { plural } from '../../../util/text.ts';
import { heldBy } from '../who.ts';

/** Who it is that has a socket and was not seen. */
export function whoUnseen({ coverage, elsewhere = [] }: OpenReport): string {
  if (elsewhere.some(({ sure }) => sure !== 'possible')) return 'no descriptor';
  const isRoot = process.getuid?.() === 0;
  if (unseen(coverage).length > 0)
    return isRoot
      ? 'no process that could be seen'
      : 'a process that may not be looked at; run as that user, or as root';
  return isInFirstNamespace()
    ? "no descriptor; it is in flight, or the kernel's own"
    : 'no descriptor of this pid namespace; a process outside may have it';
}

const MISSING: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  ENOTDIR: 'a part of it is no directory',
  EACCES: 'it may not be looked at',
  EAGAIN: 'what it is only a file server knows',
};

export function ofNothing({ reference, missing, coverage }: OpenReport, isLimited: boolean): string {
  const why = missing === undefined ? '' : `: ${MISSING[missing] ?? missing}`;
  const where = isLimited ? 'in none of these processes' : 'nowhere';
  return `${reference} is open ${where}${unseen(coverage).length > 0 ? ' that could be seen' : ''}${why}`;
}

/** `3 connections in TIME_WAIT are held by nobody`; and who has the other ends of what somebody closed. */
export function ofUnheld({ unheld }: OpenReport): string[] {
  const byState = new Map<string, OpenReport['unheld']>();
  for (const one of unheld) addTo(byState, one.state, one);
  return [...byState].map(([state, some]) => {
    const [are, ends] = some.length === 1 ? ['is', 'its other end is'] : ['are', 'their other ends are'];
    const what = plural(some.length, 'connection');
    const others = some.flatMap(({ otherEnd = [] }) => otherEnd);
    const told = others.length === 0 ? '' : `, ${ends} ${heldBy(others)}`;
    return `${state === 'not-accepted' ? `${what} ${are} not accepted yet` : `${what} in ${state} ${are} held by nobody`}${told}`;
  });
}
