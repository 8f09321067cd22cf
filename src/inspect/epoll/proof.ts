/** The common case: a target's file is where it was when it was registered, which one walk proves. */
import { kcmpEpollRaw } from '../../binding/syscall.ts';
import type { EpollItem } from '../../procfs/epoll-items.ts';
import { readLink } from '../../procfs/fd.ts';
import type { Steps } from '../../scan/steps.ts';

const BETWEEN_PAUSES = 16;

/** Whether a target's own number in `pid` is its file: one walk. */
export const isAtOwnNumber = (pid: number, efd: number, { tfd, toff }: EpollItem): boolean =>
  kcmpEpollRaw(pid, pid, tfd, efd, tfd, toff) === 0;

/** By target: 1 where its own number in `pid` is its file. */
export function* proveOwnNumbers(pid: number, efd: number, targets: readonly EpollItem[]): Steps<Uint8Array> {
  const proven = new Uint8Array(targets.length);
  for (let i = 0; i < targets.length; i++) {
    if (isAtOwnNumber(pid, efd, targets[i] as EpollItem)) proven[i] = 1;
    if (i % BETWEEN_PAUSES === 0) yield i / targets.length;
  }
  return proven;
}

/**
 * The links of proven targets that need not be read, by descriptor: sockets and pipes are on devices of their own, where
 * every link names the inode (sockfs_dname() of net/socket.c, pipefs_dname() of fs/pipe.c). One of a device tells which it is.
 */
export function sureLinks(pid: number, targets: readonly EpollItem[], proven: Uint8Array): string[] {
  const links: string[] = [];
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
  return links;
}
