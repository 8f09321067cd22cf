/** What the text of a descriptor's link says by itself. No path reads like this: paths begin with a slash. */

/** An epoll instance. */
export const EPOLL_LINK = 'anon_inode:[eventpoll]';

/** What watches files by inotify(7); the only such name without brackets. */
export const INOTIFY_LINK = 'anon_inode:inotify';

/** What watches files by fanotify(7). */
export const FANOTIFY_LINK = 'anon_inode:[fanotify]';

export const IO_URING_LINK = 'anon_inode:[io_uring]';

/** How the link ends of what has no name any more; a file may be called so too. */
export const DELETED = ' (deleted)';

/** The path that it had; any other text is as it was. */
export const withoutDeleted = (link: string): string =>
  link.endsWith(DELETED) ? link.slice(0, -DELETED.length) : link;

/** A socket of sockfs, not the name of one in a file system. */
export const isSocketLink = (link: string | null): boolean => link?.startsWith('socket:[') === true;

/** A kind without an inode of its own: most share the kernel's one anonymous inode. */
export const isAnonymousLink = (link: string | null): boolean => link?.startsWith('anon_inode:') === true;

/** Sockets and pipes: the link names their inode, as `pipe:[4711]` does. */
export const namesInode = (link: string | null): link is string =>
  isSocketLink(link) || link?.startsWith('pipe:[') === true;

const SOCKET = 'socket:['.length;
const PIPE = 'pipe:['.length;

/** The inode that the link of a socket or a pipe names, NaN for others. */
export function inodeOf(link: string): number {
  if (!namesInode(link)) return NaN;
  let inode = 0;
  for (let at = link.startsWith('s') ? SOCKET : PIPE; at < link.length - 1; at++)
    inode = inode * 10 + link.charCodeAt(at) - 48;
  return inode;
}
