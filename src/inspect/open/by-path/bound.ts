/**
 * Which unix sockets are of a path. The kernel tells of each the file that it was bound to, in whatever way that is named
 * now. Where the kernel may not be asked a list of names is all that is to be had, which tells of no socket whose file is
 * there that it is of that one: an equal name may be of a file that was replaced, or of a container's; and by another name
 * one may be that was bound through a link or a bind mount, or was renamed.
 */
import { type FileStat, isSameInode } from '../../../procfs/fd.ts';
import { S_IFMT, S_IFSOCK } from '../../../procfs/kind.ts';
import { isBelow, type Mount, readMounts } from '../../../procfs/kind/mountinfo.ts';
import { inodeOf } from '../../../procfs/link.ts';
import { type Located, locate } from '../../../procfs/raw/path.ts';
import type { UnixListing, UnixSocket } from '../../../util/socket.ts';

const U32 = 0xffffffffn;

/** Why a socket may be it that was bound by another name. */
const DOUBTS = {
  number: 'a socket of that number is bound by another name, and of which part of the filesystem it is nothing tells',
  name: 'a socket that was bound by a relative name may be it: in which folder nothing tells',
  other: 'a unix socket that is bound by another name may be it',
};
const NAMES = 'only the names of unix sockets could be read, which do not tell of which files they are';

/** What a path is now. */
export interface PathFacts {
  /** As it was asked for, and without symbolic links. */
  asked: string;
  path: string;
  located: Located | undefined;
  inode: FileStat | undefined;
  mount: Mount | undefined;
  part: number | undefined;
}

type Listed = UnixSocket | UnixListing;

const { basename, dirname } = process.getBuiltinModule('node:path');
const isSocket = ({ mode }: FileStat): boolean => (mode & S_IFMT) === S_IFSOCK;

/** Of a stream: whom a listener has accepted, whose name it has. */
const isAccepted = ({ type, state }: Listed): boolean => type !== 'dgram' && state === 'ESTABLISHED';

export class BoundSockets {
  readonly #factsOf: () => PathFacts;
  /** Those that only their names tell. */
  readonly #named = new Set<number>();
  /** Those that were bound by its name to another file, which was deleted or renamed since. */
  readonly #former = new Set<number>();
  /** Those that may be it by another name, and of them those that somebody was seen to have. */
  readonly #others = new Set<number>();
  readonly #seen = new Set<number>();
  #doubt: string | undefined;

  constructor(factsOf: () => PathFacts) {
    this.#factsOf = factsOf;
  }

  /** All are looked through anew. */
  start(): void {
    this.#doubt = undefined;
    this.#named.clear();
    this.#former.clear();
    this.#others.clear();
  }

  /** @param why - only names could be read of some */
  doubt(why: string): string | undefined {
    const isOther = [...this.#seen].some((ino) => this.#others.has(ino));
    return this.#doubt ?? (isOther ? `${DOUBTS.other}: ${NAMES}: ${why}` : undefined);
  }

  /** Why a socket that was found may be another file's. */
  doubtOf(ino: number, why: string): string | undefined {
    return this.#named.has(ino) ? `${NAMES}: ${why}` : undefined;
  }

  /** What processes that were asked about have. */
  see(link: string): void {
    if (this.#others.size === 0) return;
    const ino = inodeOf(link);
    if (this.#others.has(ino)) this.#seen.add(ino);
  }

  /** Whether a socket is of the path, or may be by its name. */
  isIt(socket: Listed): boolean {
    const { asked, path, inode, mount, part } = this.#factsOf();
    const { name = '' } = socket;
    if (inode !== undefined && !('vfs' in socket)) return this.#mayBe(socket, inode, mount);
    if (mount !== undefined) {
      // By which mount it was bound it does not tell, only by which name.
      const isThere = part === undefined || isBelow(mount, name);
      return isThere && 'vfs' in socket && socket.vfs?.dev === mount.dev;
    }
    if (inode !== undefined && 'vfs' in socket) {
      const isIt =
        socket.vfs?.ino === Number(inode.ino & U32) &&
        (socket.vfs.dev === inode.dev || this.#isOfSubvolume(socket.vfs.dev, name));
      return isIt || this.#isFormer(socket);
    }
    // The file is gone: its name is what is left to tell it by.
    if (name === asked || name === path) return true;
    if (this.#mayBeBound(name)) this.#doubt = DOUBTS.name;
    return false;
  }

  /** A file is bound to once: where that socket is known no other one is it, but for whom it has accepted. */
  choose(sockets: Listed[]): Listed[] {
    const isSure = ({ ino }: Listed): boolean => !this.#named.has(ino) && !this.#former.has(ino);
    const sure = sockets.filter(isSure);
    const names = new Set(sure.filter((one) => !isAccepted(one)).map(({ name }) => name));
    const { inode, mount } = this.#factsOf();
    if (inode === undefined || mount !== undefined || sure.length === 0) return sockets;
    // What had the name before is of interest where nobody has what has it now.
    const now = sockets.filter(({ ino }) => !this.#former.has(ino));
    if (names.size === 0) return now;
    this.#others.clear();
    return now.filter((one) => isSure(one) || (isAccepted(one) && names.has(one.name)));
  }

  /** Whether a socket that was found was bound to another file of that name. */
  isFormer(ino: number): boolean {
    return this.#former.has(ino);
  }

  /** Whether a name means to a process what it means here: from another root directory or mount it is of another file. */
  isOfView(pid: number): boolean {
    const [own, theirs] = [readMounts(process.pid), readMounts(pid)];
    if (typeof own === 'string' || typeof theirs === 'string') return false;
    const { path } = this.#factsOf();
    const above = own.filter((mount) => isBelow(mount, path)).sort((a, b) => a.point.length - b.point.length);
    const at = above.at(-1);
    return theirs.some(({ id, point }) => id === at?.id && point === at.point);
  }

  /** By the very name, on the filesystem that has it. */
  #isFormer({ ino, name = '', vfs }: UnixSocket): boolean {
    const { asked, path } = this.#factsOf();
    if (vfs === undefined || (name !== asked && name !== path)) return false;
    const folder = locate(dirname(name));
    const isHere = typeof folder !== 'string' && (folder.dev === vfs.dev || folder.stat.dev === vfs.dev);
    if (isHere) this.#former.add(ino);
    return isHere;
  }

  #mayBe({ ino, name = '' }: UnixListing, inode: FileStat, mount: Mount | undefined): boolean {
    const { asked, path } = this.#factsOf();
    // An abstract name has no file.
    if (name === '' || name.startsWith('@') || (mount === undefined && !isSocket(inode))) return false;
    const isNamed = mount === undefined && (name === asked || name === path || this.#leadsTo(name, inode));
    (isNamed ? this.#named : this.#others).add(ino);
    return isNamed;
  }

  /** Whether a name is one of the file now, as it is by another link to its folder. */
  #leadsTo(name: string, inode: FileStat): boolean {
    const isAlike = name.startsWith('/') && basename(name) === basename(this.#factsOf().path);
    const located = isAlike ? locate(name) : 'ENOENT';
    return typeof located !== 'string' && isSameInode(located.stat, inode);
  }

  /** The kernel tells the device of the whole filesystem, of which each subvolume has the same numbers: the name decides. */
  #isOfSubvolume(dev: number, name: string): boolean {
    const { located, path } = this.#factsOf();
    if (dev !== located?.dev) return false;
    const isNamed = basename(name) === basename(path);
    if (!isNamed) this.#doubt = DOUBTS.number;
    return isNamed;
  }

  /** What is not there may have been bound by a name that says no folder, or but some. */
  #mayBeBound(name: string): boolean {
    const { normalize } = process.getBuiltinModule('node:path');
    const end = normalize(name).replace(/^(?:\.\.\/)+/, '');
    return /^[^/@]/.test(name) && `/${this.#factsOf().path}`.endsWith(`/${end}`);
  }
}
