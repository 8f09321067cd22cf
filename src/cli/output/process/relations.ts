/** Who else has a file, and who its other end, in a few words for a line. */
import type { FoundFile, Holder, OpenReport, OtherEnd } from '../../../index.ts';
import { addTo } from '../../../util/multimap.ts';
import { list, plural, some } from '../../../util/text.ts';
import { heldBy, sharersOf } from '../who.ts';

const SHOWN = 3;
/** Of so many processes it is told in the first line that they have other ends. */
const ENDS = 2;

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

/** Those that were asked about. */
export interface Asked {
  has(holder: Holder): boolean;
  /** How a descriptor of theirs is called. */
  fd(holder: Holder): string;
}

/** `3, 4 and 7`, or `3, 4, 5 and 9 more`. */
export function fdsText(own: readonly Holder[], asked: Asked): string {
  const fds = [...new Set(own.map((holder) => asked.fd(holder)))];
  return fds.length > SHOWN ? some(fds, SHOWN) : list(fds);
}

/** Who has the other end of what is not accepted is the listener. */
const unaccepted = ({ otherEnd }: FoundFile): string => (otherEnd?.state === 'not-accepted' ? 'not accepted, ' : '');

/** Who else has the other end. */
export const otherEndsOf = ({ otherEnd }: FoundFile, asked: Asked): Holder[] =>
  otherEnd?.holders.filter((holder) => !asked.has(holder)) ?? [];

/** `fd 7`, of those that were asked about and have the other end themselves. */
export function ownEndsOf(files: readonly FoundFile[], asked: Asked): string[] {
  const own = files.flatMap(({ otherEnd }) => otherEnd?.holders.filter((holder) => asked.has(holder)) ?? []);
  return own.length === 0 ? [] : [`fd ${fdsText(own, asked)}`];
}

/** Who has them besides those that were asked about. */
export function alsoHeld(files: readonly FoundFile[], asked: ReadonlySet<number>): string[] {
  const others = files.flatMap(({ holders }) => holders.flatMap(sharersOf)).filter(({ pid }) => !asked.has(pid));
  return others.length === 0 ? [] : [`also ${heldBy(others)}`];
}

/** `other end held by sleep (4711), fd 1`, `other end fd 7, also held by sleep (4711), fd 1`, `other end closed`. */
export function endOf(file: FoundFile, asked: Asked): string[] {
  const { otherEnd } = file;
  if (!otherEnd) return [];
  const { state, reason } = otherEnd;
  const others = otherEndsOf(file, asked);
  const own = ownEndsOf([file], asked);
  const isPlain = state === 'connected' || state === 'not-accepted';
  const why = isPlain && reason !== undefined ? ` (${reason})` : '';
  const end = `other end ${unaccepted(file)}`;
  if (others.length > 0) return [`${end}${[...own.map((fds) => `${fds}, also`), heldBy(others)].join(' ')}${why}`];
  if (own.length > 0) return [`${end}${own.join()}${why}`];
  return WORDS[state] === '' ? [] : [`other end ${WORDS[state]}${why}`];
}

/** The same of several that are alike, also in whether they are accepted. */
export function endsOf(files: readonly FoundFile[], asked: Asked): string[] {
  const others = files.flatMap((file) => otherEndsOf(file, asked));
  const isOwn = ownEndsOf(files, asked).length > 0;
  const ends = `their other ends ${unaccepted(files[0] as FoundFile)}`;
  if (others.length > 0) return [`${ends}${isOwn ? 'its own as well, and ' : ''}${heldBy(others)}`];
  if (isOwn) return [`${ends}its own as well`];
  return endOf(files[0] as FoundFile, asked).map((end) => `their ${end}`);
}

/** Those of one process; what it has not accepted apart from the rest. */
const byState = (files: readonly FoundFile[]): FoundFile[][] =>
  ['', 'not accepted, ']
    .map((words) => files.filter((file) => unaccepted(file) === words))
    .filter(({ length }) => length > 0);

/** `the other end of fd 3 is held by sleep (4711), fd 1, that of fd 5 by cat (4712), fd 0`: of what is no standard stream. */
export function otherEndsText(files: readonly FoundFile[], asked: Asked): string | undefined {
  const ends = new Map<number, FoundFile[]>();
  for (const file of files) {
    const [holder] = otherEndsOf(file, asked);
    // Of whom it is not known which of them it is, none is named here.
    if (holder !== undefined && file.otherEnd?.reason === undefined) addTo(ends, holder.pid, file);
  }
  const alike = [...ends.values()].slice(0, ENDS).flatMap(byState);
  const isSaid = alike.every(([file]) => unaccepted(file as FoundFile) === '');
  const clauses = alike.map((files, i) => {
    const fds = files.map(({ holders }) =>
      fdsText(
        holders.filter((holder) => asked.has(holder) && holder.fd > 2),
        asked,
      ),
    );
    const which = `of fd ${fds.length > SHOWN ? some(fds, SHOWN) : list(fds)}`;
    const [one, isFirst] = [fds.length === 1, i === 0];
    const holders = files.flatMap((file) => otherEndsOf(file, asked));
    const by = [heldBy(holders), ...ownEndsOf(files, asked).map((own) => `and by its own ${own}`)].join(', ');
    const how = unaccepted(files[0] as FoundFile);
    const who = isFirst || !isSaid ? `${one ? 'is' : 'are'} ${how}${by}` : by.replace('held ', '');
    return `${isFirst ? `the other end${one ? '' : 's'}` : one ? 'that' : 'those'} ${which} ${who}`;
  });
  const more = ends.size - ENDS;
  if (more > 0) clauses.push(`and others by ${plural(more, 'more process', 'more processes')}`);
  return clauses.length === 0 ? undefined : clauses.join(', ');
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
