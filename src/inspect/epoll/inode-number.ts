/** A descriptor's inode number, by the cheapest means. */
import { statIno } from '../../procfs/fd.ts';
import { readFdinfo } from '../../procfs/fdinfo.ts';
import { inodeOf } from '../../procfs/link.ts';

/** Kinds whose instances all share the one anonymous inode. */
const ANONYMOUS = /^anon_inode:\[?(eventfd|eventpoll|timerfd|signalfd|inotify|fanotify)\]?$/;
/** Lines that only such kinds have in their fdinfo. */
const SURELY = /^(?:eventfd-count|clockid|sigmask|tfd):/m;

/** Reads inode numbers; keeps the anonymous inode's number for as long as it lives. */
export class InodeReader {
  #anonymous = NaN;
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
    // A descriptor may be another file by now, whose inode must not be taken for that of all: one text tells both.
    const info = readFdinfo(id, fd);
    if (typeof info !== 'string' && info.ino !== undefined && SURELY.test(info.text))
      return (this.#anonymous = Number(info.ino));
    return ask(id, fd, info);
  }
}

/** fdinfo prints i_ino itself since Linux 5.14; st_ino may differ from it on overlayfs and btrfs. */
function ask(id: number, fd: number, info: ReturnType<typeof readFdinfo> = readFdinfo(id, fd)): number {
  if (typeof info !== 'string' && info.ino !== undefined) return Number(info.ino);
  const stat = statIno(id, fd);
  return typeof stat === 'string' ? NaN : Number(stat.ino);
}
