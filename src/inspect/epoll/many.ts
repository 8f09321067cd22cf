/**
 * Which descriptors are the targets' files where there are very many of these: with as few walks as can be.
 *
 *   sockets    where inodes will do: one that is alone on its number, and on the device of the target
 *   others     each is looked for where it was registered, then among all descriptors of its inode
 *
 * What was found stands for as long as the links of its descriptors read the same.
 */
import { kcmpItems } from '../../scan/columns.ts';
import type { Links } from '../../scan/link-columns.ts';
import { part, type Steps } from '../../scan/steps.ts';
import type { EpollItem } from '../../procfs/epoll-items.ts';
import type { Known } from './describe.ts';
import type { InodeClass } from './inode-classes.ts';
import type { TargetMatcher } from './match.ts';
import { socketsOf } from './sockets.ts';
import { NONE } from './together/finder.ts';
import { takeOwn } from './proof.ts';

const BETWEEN_PAUSES = 64;

/** By target: those of its items that are open as they were, as they stand in the newest listings. */
export function stillThere(links: Links, items: ReadonlyArray<readonly number[]>): number[][] {
  const { ids, fds, links: texts } = links;
  return items.map((before) => {
    const now: number[] = [];
    for (const item of before) {
      const at = links.itemOf(links.spanOf(ids[item] as number), fds[item] as number);
      if (at >= 0 && texts[at] === texts[item]) now.push(at);
    }
    return now.length === 0 ? NONE : now;
  });
}

/** Looks for all that is open about some inodes; the matcher has what is known of their targets. */
export function* matchMany(matcher: TargetMatcher, classes: readonly InodeClass[], known: Known): Steps<void> {
  const { walks, links, candidates, own, told } = known;
  const { items } = matcher;
  if (walks.takesInodes) yield* part(0, 0.2, tellSockets(matcher, classes, known));
  const missing = classes.flatMap(({ targets }) => targets.filter((target) => items[target] === NONE));
  for (const target of missing) told[target] = 0;
  const isThere = (target: number): boolean => walks.isAtOwnNumber(known.targets[target] as EpollItem);
  missing.sort((a, b) => a - b);
  yield* part(0.2, 0.6, takeOwn(matcher, missing, isThere, own, candidates));
  const taken = new Uint8Array(links.length);
  for (const found of items) for (const item of found) taken[item] = 1;
  for (const [i, { targets, items: all }] of classes.entries()) {
    const rest = all.filter((item) => taken[item] === 0);
    const from = 0.6 + (0.4 * i) / classes.length;
    if (rest.length > 0) yield* part(from, from + 0.4 / classes.length, matcher.matchStill({ targets, items: rest }));
    else if (i % BETWEEN_PAUSES === 0) yield from;
  }
}

/** Two targets of one number may be two sockets, and so may its descriptors: only kcmp can tell. */
function* tellSockets({ items }: TargetMatcher, classes: readonly InodeClass[], known: Known): Steps<void> {
  const { links, targets, candidates, told } = known;
  for (const [i, { targets: places, items: all }] of classes.entries()) {
    if (i % BETWEEN_PAUSES === 0) yield i / classes.length;
    const [place = -1] = places;
    if (places.length !== 1 || items[place] !== NONE || all.length === 0) continue;
    const inode = candidates.inodes[place] as number;
    const sockets = yield* socketsOf(inode, targets[place]?.sdev, all, links);
    const [first] = sockets;
    if (first === undefined || !sockets.every((item) => item === first || kcmpItems(links, first, item) === 0))
      continue;
    items[place] = sockets;
    told[place] = 1;
  }
}
