/**
 * What a path names: by its inode, so that links of either kind and bind mounts count; a unix socket by the file that the
 * kernel says it was bound to; what is deleted by the text that its descriptors' links read; a folder on which a
 * filesystem is mounted stands for all of it.
 */
import { type FileStat, inodeKey, statIno } from '../../procfs/fd.ts';
import { S_IFDIR, S_IFMT, S_IFSOCK } from '../../procfs/kind.ts';
import { DELETED, withoutDeleted } from '../../procfs/link.ts';
import { type Mount, readMounts } from '../../procfs/kind/mountinfo.ts';
import { overlaysOf } from '../../procfs/kind/overlay.ts';
import { pathOfMissing } from '../../procfs/raw/missing.ts';
import { type Located, locate } from '../../procfs/raw/path.ts';
import { seen } from '../../procfs/raw/statx.ts';
import type { Steps } from '../../scan/steps.ts';
import { askServer } from './ask-server.ts';
import { BoundSockets, type PathFacts } from './by-path/bound.ts';
import { SoughtUnix } from './by-text.ts';
import type { Blind, ListedSocket, Sought } from './sought.ts';

/** Stands for bytes that are no UTF-8. */
const REPLACEMENT = '\ufffd';
/** The path is not there, and that is all. */
const PLAIN: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR']);
const WHY: Readonly<Record<string, string>> = {
  EAGAIN: 'what the path names only a file server knows, which gave no answer or could not be asked',
  EXDEV: 'of an overlay those files are found that were written, since what is of its lower layers has other devices',
  EACCES: 'a folder on the way to the path may not be searched',
};
const BYTES = 'it has bytes that are no UTF-8, or stands for such: another path reads alike';
const OTHERWISE = 'what the path names could not be looked up';

/** From the root on, unless the working directory was deleted or is no text; `..` is left to the kernel, which follows links first. */
function wholePath(path: string): string {
  if (path.startsWith('/')) return path;
  try {
    const cwd = process.cwd();
    return cwd.includes(REPLACEMENT) ? path : `${cwd}/${path}`;
  } catch {
    return path;
  }
}

export class SoughtPath implements Sought {
  inode: FileStat | undefined;
  overlays: ReadonlyMap<number, bigint> | undefined;
  mount: Mount | undefined;
  part: number | undefined;
  text: string;
  /** Without symbolic links. */
  path: string;
  readonly #asked: string;
  readonly #bound = new BoundSockets(() => this.#toldOf());
  readonly #unix = new SoughtUnix(
    (socket) => this.#bound.isIt(socket),
    (sockets) => this.#bound.choose(sockets),
  );
  #located: Located | string = 'ENOENT';
  #facts: string | undefined;
  #isServerDead = false;
  #isMangled = false;
  /** Whether sockets are looked for that had the name before. */
  #isFormerSought = false;

  constructor(path: string) {
    this.#asked = wholePath(path);
    this.path = this.#asked;
    this.text = this.#asked + DELETED;
  }

  /** What could not be looked up is found by its text alone. */
  get links(): ReadonlySet<string> {
    if (this.#untold !== undefined) return new Set([...this.#unix.links, this.path]);
    // What is asked for may have been called so before it was deleted, or be what a link reads.
    const isAmbiguous = this.missing !== undefined && this.#asked.endsWith(DELETED);
    return isAmbiguous ? new Set([...this.#unix.links, this.#asked + DELETED]) : this.#unix.links;
  }

  get #untold(): string | undefined {
    return typeof this.#located !== 'string' || PLAIN.has(this.#located) ? undefined : this.#located;
  }

  get sockets(): ReadonlyMap<number, ListedSocket> {
    return this.#unix.sockets;
  }

  get blind(): readonly Blind[] {
    const layers = this.mount?.type === 'overlay' ? 'EXDEV' : undefined;
    const doubt = this.#bound.doubt(this.#unix.whyNames) ?? (this.#isMangled ? BYTES : undefined);
    const code = this.#untold ?? layers ?? (doubt === undefined ? undefined : 'ENODEV');
    // What had the name before is told where it is seen.
    const blind = this.#isFormerSought ? [] : this.#unix.blind;
    return code === undefined ? blind : [{ pid: process.pid, code, reason: WHY[code] ?? doubt ?? OTHERWISE }, ...blind];
  }

  /** Of a mount point those on all of its filesystem; of a part of one that cannot be told. */
  get isLocked(): ((file: string) => boolean) | undefined {
    const { mount } = this;
    if (this.part !== undefined) return undefined;
    if (mount !== undefined) return (file) => file.startsWith(inodeKey(mount.dev, ''));
    const key = typeof this.#located === 'string' ? undefined : this.#located.lockKey;
    return key === undefined ? undefined : (file) => file === key;
  }

  /** Undefined when it is there; else the errno's name. */
  get missing(): string | undefined {
    return typeof this.#located === 'string' ? this.#located : undefined;
  }

  *hasMoved(): Steps<boolean> {
    const located = (this.#located = yield* this.#look());
    this.inode = typeof located === 'string' ? undefined : located.stat;
    this.mount = typeof located === 'string' ? undefined : located.mount;
    this.part = typeof located === 'string' ? undefined : located.part;
    // As /proc prints what is deleted, it may be asked for.
    this.path = typeof located === 'string' ? pathOfMissing(withoutDeleted(this.#asked)) : located.path;
    this.text = this.path + DELETED;
    // A path that is there and no socket is none that a socket was bound to; on a filesystem any may be.
    const { inode, mount } = this;
    const mayBeSocket =
      this.#isFormerSought || inode === undefined || mount !== undefined || (inode.mode & S_IFMT) === S_IFSOCK;
    this.#isMangled = inode === undefined && this.path.includes(REPLACEMENT);
    this.#bound.start();
    const hasUnixMoved = mayBeSocket && (yield* this.#unix.hasMoved());
    const isFolder = inode === undefined || (inode.mode & S_IFMT) === S_IFDIR;
    this.overlays = isFolder ? undefined : yield* overlaysOf(this.path, inode);
    const before = this.#facts;
    const overlays = [...(this.overlays ?? [])].join();
    this.#facts = `${this.path} ${inode?.dev} ${inode?.ino} ${overlays}`;
    return hasUnixMoved || (before !== undefined && before !== this.#facts);
  }

  *#look(): Steps<Located | string> {
    const known = locate(this.#asked);
    if (known !== 'EAGAIN' || this.#isServerDead) return known;
    const told = yield* askServer(this.#asked);
    this.#isServerDead = told === 'EAGAIN';
    return told;
  }

  see(pid: number, fd: number, link: string): void {
    this.#unix.see(pid, fd, link);
    this.#bound.see(link);
  }

  /** What is there now is open nowhere: a socket may have had the name, and its file be deleted, whatever that is. */
  *findSocket(): Steps<void> {
    const { inode, mount } = this;
    if (inode === undefined || mount !== undefined || (inode.mode & S_IFMT) === S_IFSOCK) return;
    this.#isFormerSought = true;
    yield* this.#unix.hasMoved();
  }

  isFormerSocket(ino: number): boolean {
    return this.#bound.isFormer(ino);
  }

  /** A socket that was bound by that name in another root directory or mount namespace is none of the path. */
  isAnothers(ino: number, pids: readonly number[]): boolean {
    return this.isFormerSocket(ino) && pids.length > 0 && !pids.some((pid) => this.#bound.isOfView(pid));
  }

  doubtOf(ino: number): string | undefined {
    return this.#bound.doubtOf(ino, this.#unix.whyNames);
  }

  #toldOf(): PathFacts {
    const { path, inode, mount, part } = this;
    const located = typeof this.#located === 'string' ? undefined : this.#located;
    return { asked: this.#asked, path, located, inode, mount, part };
  }

  /** A file may be called `x (deleted)`. */
  isProven(pid: number, fd: number, link: string): boolean {
    const stat = statIno(pid, fd);
    if (typeof stat === 'string' || !this.isHere(stat)) return false;
    if (stat.more?.nlink === 0) return true;
    const other = locate(link);
    return typeof other === 'string' || other.stat.ino !== stat.ino || other.stat.dev !== stat.dev;
  }

  isFormer(stat: FileStat): boolean {
    return stat.more?.nlink === 0 && this.isHere(stat);
  }

  /** The same text is another path in another mount namespace, unless it is on the same filesystem. */
  isHere({ dev }: FileStat, mount: number | undefined = seen.mount()): boolean {
    const mounts = readMounts(process.pid);
    if (mount === undefined || typeof mounts === 'string' || mounts.some(({ id }) => id === mount)) return true;
    const folder = locate(process.getBuiltinModule('node:path').dirname(this.#asked));
    return typeof folder === 'string' || folder.stat.dev === dev;
  }
}
