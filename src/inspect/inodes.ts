/** A descriptor's inode number, by the cheapest means that is exact. */
import { statIno } from '../procfs/descriptors.ts';
import { readFdinfo } from '../procfs/fdinfo.ts';
import { namesInode } from '../procfs/link.ts';

/** Kinds whose instances all share the one anonymous inode. */
const ANONYMOUS = /^anon_inode:\[?(eventfd|eventpoll|timerfd|signalfd|inotify|fanotify)\]?$/;

/** Reads inode numbers as decimal text; keeps the anonymous inode's number for as long as it lives. */
export class InodeReader {
  #anonymous: string | null = null;

  /**
   * @param link - the descriptor's link, as already read
   * @returns the kernel's i_ino, or null when it could not be read
   */
  read(id: number, fd: number, link: string | null): string | null {
    if (link === null) return null;
    if (namesInode(link)) return link.slice(link.indexOf('[') + 1, -1);
    if (!ANONYMOUS.test(link)) return this.#ask(id, fd);
    this.#anonymous ??= this.#ask(id, fd);
    return this.#anonymous;
  }

  /** fdinfo prints i_ino itself since Linux 5.14; st_ino may differ from it on overlayfs and btrfs. */
  #ask(id: number, fd: number): string | null {
    const info = readFdinfo(id, fd);
    if (typeof info !== 'string' && info.ino !== undefined) return `${info.ino}`;
    const stat = statIno(id, fd);
    return typeof stat === 'string' ? null : `${stat.ino}`;
  }
}
