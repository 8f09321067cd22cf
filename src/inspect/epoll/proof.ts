/** The common case: a target's file is where it was when it was registered, which one walk proves. */
import type { EpollItem } from '../../procfs/epoll-items.ts';
import { readLink } from '../../procfs/fd.ts';
import type { Links } from '../../scan/link-columns.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Span } from '../../scan/columns.ts';
import type { Candidates } from './inode-classes.ts';
import type { Walks } from './walks.ts';

const BETWEEN_PAUSES = 32;

/** By target: 1 where its own number is its file. */
export function* proveOwnNumbers(walks: Walks, targets: readonly EpollItem[]): Steps<Uint8Array> {
  const proven = new Uint8Array(targets.length);
  for (let i = 0; i < targets.length; i++) {
    if (walks.isAtOwnNumber(targets[i] as EpollItem)) proven[i] = 1;
    if (i % BETWEEN_PAUSES === 0) yield i / targets.length;
  }
  return proven;
}

/** What is matched with what. */
interface Matching {
  walks: Walks;
  links: Links;
  targets: readonly EpollItem[];
  /** By target: the items that are its file. */
  items: number[][];
  isOneFile(a: number, b: number): boolean;
}

/**
 * Takes targets that are at their own numbers, as a walk proves, if the scan saw a file of that inode there.
 * @param targets - ascending
 * @param own - the items of the process asked about
 */
export function* takeOwn(
  matcher: Matching,
  targets: Iterable<number>,
  isProven: (target: number) => boolean,
  own: Span,
  candidates: Candidates,
): Steps<void> {
  const { inodes } = candidates;
  const { items, links, walks, targets: all } = matcher;
  let [before, itemBefore, tfdBefore] = [-1, -1, -1];
  for (const target of targets) {
    if (walks.isDue) yield* walks.rest();
    else if (target % BETWEEN_PAUSES === 0) yield target / all.length;
    const { tfd } = all[target] as EpollItem;
    const item = links.itemOf(own, tfd);
    if (item < 0 || candidates.inodeOf(item) !== inodes[target] || !isProven(target)) continue;
    const isOneFile =
      before >= 0 && inodes[before] === inodes[target] && tfdBefore < tfd && matcher.isOneFile(itemBefore, item);
    if (isOneFile) (items[target] = items[before] as number[]).push(item);
    else items[target] = [item];
    before = target;
    itemBefore = item;
    tfdBefore = tfd;
  }
}

/**
 * Adds the links of proven targets that need not be read, by descriptor: sockets and pipes are on devices of their own, where
 * every link names the inode (sockfs_dname() of net/socket.c, pipefs_dname() of fs/pipe.c). One of a device tells which it is.
 */
export function sureLinks(pid: number, targets: readonly EpollItem[], proven: Uint8Array, links: string[]): void {
  const prefixes = new Map<number, string>();
  for (let i = 0; i < targets.length; i++) {
    const { tfd, ino, sdev } = targets[i] as EpollItem;
    if (proven[i] === 0 || ino === undefined || sdev === undefined) continue;
    let prefix = prefixes.get(sdev);
    if (prefix === undefined) {
      const link = readLink(pid, tfd);
      prefix = ['socket:[', 'pipe:['].find((start) => link === `${start}${ino}]`) ?? '';
      prefixes.set(sdev, prefix);
    }
    if (prefix !== '') links[tfd] = `${prefix}${ino}]`;
  }
}
