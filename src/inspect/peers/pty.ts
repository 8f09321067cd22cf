/**
 * The two sides of a pseudoterminal. A master tells its number by fdinfo, and its slaves are the files of that number of
 * the same devpts, of which a machine with containers has many, each with a number 0.
 *
 *   a master         /dev/ptmx, or ptmx of a devpts; that of a devtmpfs belongs to the devpts on the folder `pts` beside it,
 *                    or to one that another was mounted over since: two of one number are not both of the upper one
 *   a slave          number N of a devpts; with its last master it is deleted there, by which the kernel tells
 *   /dev/tty         keeps open the slave that was its task's terminal when it was opened, and does not tell which
 *
 * Sources: drivers/tty/pty.c, drivers/tty/tty_io.c, devpts_acquire() of fs/devpts/inode.c.
 */
import type { FileRef } from '../../binding/kcmp.ts';
import { type FileStat, readLink, statIno } from '../../procfs/fd.ts';
import { readFdinfo } from '../../procfs/fdinfo.ts';
import { S_IFCHR, S_IFMT } from '../../procfs/kind.ts';
import { DELETED } from '../../procfs/link.ts';
import { readStat } from '../../procfs/stat.ts';
import { mountOf, readMounts } from '../../procfs/kind/mountinfo.ts';
import type { Holder } from '../../scan/holder.ts';
import type { Steps } from '../../scan/steps.ts';
import type { SubjectFacts } from '../holders/subject.ts';
import { masterName, slaveName } from './name.ts';
import { type Group, Peer, type PeerEnd, type PeerVia, type Seen } from './peer.ts';

/** From Documentation/admin-guide/devices.txt. */
const PTMX = (5 << 20) | 2;
const TTY = 5 << 20;
const SLAVES = 136;
/** The first inode of a devpts after its root. */
const PTMX_INO = 2n;

export type Side = 'master' | 'slave' | 'tty';

/** Which side of a pty a device is; undefined for any other. */
export function sideOf({ mode, rdev }: FileStat): Side | undefined {
  if ((mode & S_IFMT) !== S_IFCHR) return undefined;
  if (rdev === PTMX) return 'master';
  if (rdev === TTY) return 'tty';
  return rdev >>> 20 === SLAVES ? 'slave' : undefined;
}

/** A pty: its devpts and its number there. */
interface Pty {
  dev: number;
  index: number;
  /** The devpts that it may be of as well. */
  below?: readonly number[];
}

const SLAVE_NUMBER = 0xfffff;
/** How new_encode_dev() packs a slave. */
const terminalOf = (index: number): number => (SLAVES << 8) | (index & 0xff) | ((index & 0xfff00) << 12);
const slavePty = ({ dev, rdev }: FileStat): Pty => ({ dev, index: rdev & SLAVE_NUMBER });

function masterIndex(info: ReturnType<typeof readFdinfo>): number | undefined {
  const index = typeof info === 'string' ? undefined : /^tty-index:\s*(\d+)$/m.exec(info.text)?.[1];
  return index === undefined ? undefined : Number(index);
}

/** The pty of a master; its devpts is undefined where that cannot be told, all of it when it is closed. */
function masterPty(pid: number, fd: number, link: string | null, stat: FileStat): Partial<Pty> | undefined {
  const info = readFdinfo(pid, fd);
  const index = masterIndex(info);
  if (typeof info === 'string' || index === undefined) return undefined;
  return { index, ...devptsOf(pid, link, info.text, stat) };
}

function devptsOf(
  pid: number,
  link: string | null,
  fdinfo: string,
  { dev, ino }: FileStat,
): Pick<Partial<Pty>, 'dev' | 'below'> {
  const mounts = readMounts(pid);
  if (typeof mounts === 'string' || link === null) return {};
  const mount = mountOf(fdinfo, mounts);
  // Of a mount of another namespace, as that of a container, only its file speaks.
  if (mount === undefined) return ino === PTMX_INO && /\/pts\/ptmx$/.test(link) ? { dev } : {};
  if (mount.type === 'devpts') return { dev };
  const beside = `${link.slice(0, link.lastIndexOf('/'))}/pts`;
  const stack = mounts.filter(({ point }) => point === beside);
  const top = stack.find((one) => !stack.some(({ parent }) => parent === one.id));
  const below = stack.filter((one) => one !== top && one.type === 'devpts').map((one) => one.dev);
  return top?.type === 'devpts' ? { dev: top.dev, below } : {};
}

function sideAt({ pid, fd }: FileRef): Side | undefined {
  const stat = statIno(pid, fd);
  return typeof stat === 'string' ? undefined : sideOf(stat);
}

/** Whether a slave is the terminal of a task, be it of another devpts. */
function isTerminalOf(pid: number, index: number): boolean {
  const stat = readStat(pid);
  return typeof stat !== 'string' && stat.terminal === terminalOf(index);
}

/** The number that a descriptor of either side has; undefined where it has none, or it cannot be told. */
export function numberOf(pid: number, fd: number, stat: FileStat): number | undefined {
  const side = sideOf(stat);
  if (side === 'slave') return slavePty(stat).index;
  return side === 'master' ? masterIndex(readFdinfo(pid, fd)) : undefined;
}

export class PtyPeer extends Peer {
  override readonly via: PeerVia = 'tty-index';
  override readonly isSilent: boolean = true;
  readonly #subject: SubjectFacts;
  readonly #stat: FileStat;
  readonly #isMaster: boolean;
  #pty: Partial<Pty> | undefined;
  /** Another master that said the same of itself. */
  #twin: FileRef | undefined;
  /** /dev/tty of a task whose terminal this is. */
  #tty: FileRef | undefined;

  constructor(subject: SubjectFacts, stat: FileStat, isMaster: boolean) {
    super();
    this.#subject = subject;
    this.#stat = stat;
    this.#isMaster = isMaster;
  }

  /** Its number; undefined where that could not be read. */
  get number(): number | undefined {
    return this.#pty?.index;
  }

  protected override *ask(): Steps<string> {
    yield;
    const { file, link } = this.#subject;
    this.#pty = this.#isMaster ? masterPty(file.pid, file.fd, link, this.#stat) : slavePty(this.#stat);
    const { index, dev } = this.#pty ?? {};
    this.state = index === undefined || dev === undefined ? 'unknown' : 'connected';
    this.reason = undefined;
    if (this.state === 'unknown')
      this.reason = index === undefined ? 'its number could not be read' : 'which devpts it is of could not be told';
    this.name = index === undefined ? null : this.#isMaster ? slaveName(`/dev/pts/${index}`) : masterName(index);
    // A slave is taken out of its devpts when the last master is closed.
    if (!this.#isMaster && link?.endsWith(DELETED) === true) this.state = 'closed';
    return `${dev} ${index} ${this.state}`;
  }

  override endAt(pid: number, fd: number, link: string | null): string | undefined {
    const { dev, index } = this.#pty ?? {};
    if (link?.startsWith('/') !== true || dev === undefined || index === undefined || this.state === 'closed')
      return undefined;
    const stat = statIno(pid, fd);
    if (typeof stat === 'string') return undefined;
    const side = sideOf(stat);
    if (this.#isMaster && side === 'tty') {
      this.doubt = `fd ${fd} of pid ${pid}, which is /dev/tty, may be it`;
      if (isTerminalOf(pid, index)) this.#tty = { pid, fd };
    }
    if (side !== 'slave' && side !== 'master') return undefined;
    const pty = side === 'slave' ? slavePty(stat) : masterPty(pid, fd, link, stat);
    if (pty?.index !== index) return undefined;
    if (this.#isMaster === (side === 'master')) {
      if (side === 'master' && pty.dev === dev) this.#twin = { pid, fd };
      return undefined;
    }
    if (pty.dev === undefined || pty.below?.includes(dev) === true)
      this.doubt = `fd ${fd} of pid ${pid}, a master of this number of some devpts, may be it`;
    return pty.dev === dev ? link : undefined;
  }

  /** Whether a master still says that it is of this pty. */
  #isMine({ pid, fd }: FileRef): boolean {
    const stat = statIno(pid, fd);
    const pty = typeof stat === 'string' ? undefined : masterPty(pid, fd, readLink(pid, fd), stat);
    return pty !== undefined && pty.dev === this.#pty?.dev && pty.index === this.#pty?.index;
  }

  override links(): string[] {
    return this.#isMaster ? [`/dev/pts/${this.#pty?.index}`, '/dev/console'] : ['/dev/ptmx', '/dev/pts/ptmx'];
  }

  override *tellEnds(seen: readonly Seen[], _own: Holder[], group: Group): Steps<PeerEnd[]> {
    const groups = yield* group(seen);
    const twin = this.#isMaster ? this.#twin : groups[1]?.[0];
    if (twin !== undefined && this.#isMine(twin)) {
      this.state = 'unknown';
      this.reason = `fd ${twin.fd} of pid ${twin.pid} is a master of this number as well, of another devpts`;
      return [];
    }
    const tty = this.#tty;
    if (tty !== undefined && groups.length > 0 && sideAt(tty) === 'tty')
      this.reason = `fd ${tty.fd} of pid ${tty.pid}, which is /dev/tty, may be it as well`;
    return groups.map((one) => ({
      link: one[0]?.end ?? null,
      name: this.#isMaster ? slaveName(one[0]?.end ?? '') : this.name,
      state: 'connected',
      holders: one.map(({ holder }) => holder),
    }));
  }
}
