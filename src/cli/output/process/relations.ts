/** Who else has a file, and who its other end, in a few words for a line. */
import type { FoundFile, Holder, OpenReport, OtherEnd } from '../../../index.ts';
import { list, plural } from '../../../util/text.ts';
import { heldBy, sharersOf } from '../who.ts';

/** What a state means of an other end that nobody was found to have; nothing where there is nothing to be said. */
const WORDS: Readonly<Record<OtherEnd['state'], string>> = {
  connected: 'held by nobody',
  'not-accepted': 'not accepted yet',
  listening: '',
  unconnected: '',
  remote: 'not on this machine',
  closed: 'closed',
  unseen: 'held by no descriptor: in flight, or registered',
  unknown: 'not known',
};

/** Who has the other end and not the file. */
export function otherEndsOf({ otherEnd, holders }: FoundFile): Holder[] {
  const own = new Set(holders.map(({ pid }) => pid));
  return otherEnd?.holders.filter(({ pid }) => !own.has(pid)) ?? [];
}

/** Who has them besides those that were asked about. */
export function alsoHeld(files: readonly FoundFile[], asked: ReadonlySet<number>): string[] {
  const others = files.flatMap(({ holders }) => holders.flatMap(sharersOf)).filter(({ pid }) => !asked.has(pid));
  return others.length === 0 ? [] : [`also ${heldBy(others)}`];
}

/** `other end held by sleep (4711), fd 1`, `other end fd 7`, `other end closed`. */
export function endOf(file: FoundFile): string[] {
  const { otherEnd } = file;
  if (!otherEnd) return [];
  const others = otherEndsOf(file);
  if (others.length > 0) return [`other end ${heldBy(others)}`];
  const { state, holders } = otherEnd;
  if (holders.length > 0) return [`other end fd ${list([...new Set(holders.map(({ fd }) => `${fd}`))])}`];
  return WORDS[state] === '' ? [] : [`other end ${WORDS[state]}`];
}

/** The same of several that are alike. */
export function endsOf(files: readonly FoundFile[]): string[] {
  const others = files.flatMap(otherEndsOf);
  if (others.length > 0) return [`their other ends ${heldBy(others)}`];
  if (files.some(({ otherEnd }) => (otherEnd?.holders.length ?? 0) > 0)) return ['their other ends its own as well'];
  return endOf(files[0] as FoundFile).map((end) => `their ${end}`);
}

/** `1 target of its epoll instance fd 5 is stale, as kcmp epoll 39 tells` */
export function staleText({ stale = [] }: OpenReport, isAlone: boolean): string | undefined {
  const [first, ...more] = stale;
  if (first === undefined) return undefined;
  const { pid, efd, tfds } = first;
  const what = `${plural(tfds.length, 'target')} of ${isAlone ? 'its' : `${pid}'s`} epoll instance fd ${efd}`;
  const besides = more.length === 0 ? '' : `, and others of ${plural(more.length, 'more instance')},`;
  return `${what}${besides} ${tfds.length === 1 && more.length === 0 ? 'is' : 'are'} stale, as kcmp epoll ${pid} tells`;
}
