/** What is looked for among all descriptors: by what their links read, by an inode, or by both. */
import { errnoName } from '../../binding/errors.ts';
import { isOneDevice } from '../../descriptions/same-inode.ts';
import { type FileStat, isSameInode, readLink, statIno } from '../../procfs/fd.ts';
import type { Mount } from '../../procfs/kind/mountinfo.ts';
import { S_IFMT } from '../../procfs/kind.ts';
import { FdFolder } from '../../procfs/raw/fd-directory.ts';
import { seen } from '../../procfs/raw/statx.ts';
import type { Coverage } from '../../scan/coverage.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Holder } from '../../scan/holder.ts';
import type { Scan } from '../../scan/tables.ts';
import type { InetSocket, UnixListing, UnixSocket } from '../../util/socket.ts';
import { ERRNO } from '../../util/errno.ts';

const { ENOENT } = ERRNO;

/** What the kernel has of a thing, and no process. */
export interface Unheld {
  /** What people call it. */
  name: string | null;
  /** As the kernel tells it: TIME_WAIT, FIN_WAIT2, … */
  state: string;
  /** Of one that was closed here, within one network namespace: who has its other end, where anybody has. */
  otherEnd?: Holder[];
}

/** What a question could not look at besides descriptors: whose it is, and why. */
export interface Blind {
  pid: number;
  code: string;
  reason: string;
}

export interface Sought {
  /** What the links of its descriptors read. */
  readonly links: ReadonlySet<string>;
  /** A link of its descriptors that a file may have that is something else, which {@link isProven} tells. */
  readonly text?: string | undefined;
  isProven?(pid: number, fd: number, link: string): boolean;
  /** Of a path that is there: whether what statx(2) just saw under that text, deleted, was at that path. */
  isFormer?(stat: FileStat): boolean;
  /** Of a path: whether what statx(2) just saw under that text was at that path here. */
  isHere?(stat: FileStat): boolean;
  /** The inode that its descriptors are on; undefined where only links tell. */
  readonly inode?: FileStat | undefined;
  /** By device: that inode in an overlay of which it is in a layer. */
  readonly overlays?: ReadonlyMap<number, bigint> | undefined;
  /** The filesystem that begins with this inode, all of which is looked for, or a part of one. */
  readonly mount?: Mount | undefined;
  /** Of a part: the number of its mount, by which all of it was opened. */
  readonly part?: number | undefined;
  readonly unheld?: readonly Unheld[];
  /** Of these the link of what is at the other end. */
  readonly mirrors?: ReadonlyMap<Unheld, string>;
  readonly blind?: readonly Blind[];
  /** The sockets of it that the kernel lists, by inode. */
  readonly sockets?: ReadonlyMap<number, ListedSocket>;
  /** Of a path: whether one of them was bound by it to another file, and whether that was elsewhere, as those tell who have it. */
  isFormerSocket?(ino: number): boolean;
  isAnothers?(ino: number, pids: readonly number[]): boolean;
  /** Of one of them: why it may be something else. */
  doubtOf?(ino: number): string | undefined;
  /** Those of them that are of another network namespace. */
  readonly foreign?: ReadonlySet<number>;
  /** Whether a lock is on it, by what that is on: where it is to be told although no descriptor shows it. */
  readonly isLocked?: ((file: string) => boolean) | undefined;
  /** Before each look: finds out what there is; whether something else is to be looked for than before. */
  hasMoved?(): Steps<boolean>;
  /** Whether nobody has it, whoever could not be looked at. */
  isNobodys?(coverage: Coverage): boolean;
  /** Shown what other descriptors read: one may be of a network namespace, which is looked through at the next look. */
  see?(pid: number, fd: number, link: string): void;
  /** Where no descriptor of it was found: looks whether there is a socket. */
  findSocket?(): Steps<void>;
}

/** What could not be looked at, but for what cannot have it. */
export function coverageOf(sought: Sought, { account }: Scan): Coverage {
  const coverage = account.toCoverage();
  return sought.isNobodys?.(coverage) === true ? { ...coverage, skipped: [] } : coverage;
}

/** What is known by its name alone is always the same. */
export const hasMoved = (sought: Sought): Steps<boolean> => sought.hasMoved?.() ?? never();

function* never(): Steps<boolean> {
  yield;
  return false;
}

/** Whether what was looked at last is of a part of a filesystem; any is of a whole one. */
export const isOfPart = (part: number | undefined): boolean => part === undefined || seen.mount() === part;

/** Whether a file is on the inode that is sought, be it by an overlay. */
export const isOnInode = ({ inode, overlays }: Sought, stat: FileStat): boolean =>
  isSameInode(inode, stat) || overlays?.get(stat.dev) === stat.ino;

/** A socket as the kernel lists it. */
export type ListedSocket = InetSocket | UnixSocket | UnixListing;

/** Of a table: which of its descriptors is of what is sought? One open folder serves them all. */
export class Tester {
  readonly #sought: Sought;
  readonly #pid: number;
  readonly #folder: FdFolder | undefined;
  readonly #isDevice: boolean;

  constructor(sought: Sought, pid: number) {
    this.#sought = sought;
    this.#pid = pid;
    this.#folder = FdFolder.open(pid, 'fd');
    this.#isDevice = sought.inode !== undefined && isOneDevice(sought.inode);
  }

  close(): void {
    this.#folder?.close();
  }

  /** What the link of one that is of it reads, undefined for all else, or the errno's name in an object. */
  test(fd: number): string | undefined | { code: string } {
    const { links, text, inode, mount } = this.#sought;
    if (inode !== undefined) {
      const isOn = this.#isOn(fd, inode, mount !== undefined);
      if (typeof isOn === 'object') return isOn;
      if (isOn) return this.#link(fd);
      if (links.size === 0 && text === undefined) return undefined;
    }
    const link = this.#link(fd);
    if (typeof link === 'object' || links.has(link)) return link;
    if (link === text && this.#sought.isProven?.(this.#pid, fd, link) !== false) return link;
    this.#sought.see?.(this.#pid, fd, link);
    return undefined;
  }

  #link(fd: number): string | { code: string } {
    const link = this.#folder?.link(fd) ?? readLink(this.#pid, fd) ?? -ENOENT;
    return typeof link === 'number' ? { code: errnoName(link) } : link;
  }

  #isOn(fd: number, { dev, ino }: FileStat, isAny: boolean): boolean | { code: string } {
    const folder = this.#folder;
    if (folder !== undefined) {
      const result = folder.stat(fd);
      if (result < 0) return { code: errnoName(result) };
      const near = folder.dev === dev ? ino : this.#sought.overlays?.get(folder.dev);
      if (near === undefined || (!isAny && folder.ino !== Number(near)))
        return this.#isDevice && this.#isNode(folder.mode, seen.rdev());
    }
    // A number above 2^53 was rounded.
    const stat = statIno(this.#pid, fd);
    if (typeof stat === 'string') return { code: stat };
    const isOn = isAny ? stat.dev === dev && isOfPart(this.#sought.part) : isOnInode(this.#sought, stat);
    return isOn || (this.#isDevice && this.#isNode(stat.mode, stat.rdev));
  }

  /** Whether it is another node of the device. */
  #isNode(mode: number, rdev: number): boolean {
    const { inode } = this.#sought;
    return rdev === inode?.rdev && ((mode ^ inode.mode) & S_IFMT) === 0;
  }
}
