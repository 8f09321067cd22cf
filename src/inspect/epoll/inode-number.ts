/** A descriptor's inode number as the kernel's own lists print it, by the cheapest means. */
import { readLink, statIno } from '../../procfs/fd.ts';
import { readFdinfo } from '../../procfs/fdinfo.ts';
import { inodeOf } from '../../procfs/link.ts';

/** Kinds whose instances all share the one anonymous inode. */
const ANONYMOUS = /^anon_inode:\[?(eventfd|eventpoll|timerfd|signalfd|inotify|fanotify)\]?$/;

/** Reads inode numbers; keeps the anonymous inode's number for as long as it lives. */
export class InodeReader {
  #anonymous = Number.NaN;
  /** Links that were found to be anonymous: as a rule one or two, which come again and again. */
  readonly #known = new Set<string>();

  /**
   * @param link - the descriptor's link, as already read
   * @returns the kernel's i_ino, rounded above 2^53, or NaN when it could not be read
   */
  read(id: number, fd: number, link: string | null): number {
    // A path of more than 4095 bytes has no link to be read.
    if (link === null) return ask(id, fd);
    const inode = inodeOf(link);
    if (inode === inode) return inode;
    if (!this.#known.has(link)) {
      if (!ANONYMOUS.test(link)) return ask(id, fd);
      this.#known.add(link);
    }
    if (this.#anonymous === this.#anonymous) return this.#anonymous;
    // Not by fdinfo, which of an epoll instance waits for whoever polls it. The descriptor may be another file by now,
    // whose inode must not be taken for that of all.
    const stat = statIno(id, fd);
    const number = typeof stat === 'string' ? Number.NaN : Number(stat.ino);
    return readLink(id, fd) === link ? (this.#anonymous = number) : number;
  }
}

/** fdinfo prints i_ino itself since Linux 5.14; st_ino may differ from it on overlayfs and btrfs. */
function ask(id: number, fd: number): number {
  const info = readFdinfo(id, fd);
  if (typeof info !== 'string' && info.ino !== undefined) return Number(info.ino);
  const stat = statIno(id, fd);
  return typeof stat === 'string' ? Number.NaN : Number(stat.ino);
}
