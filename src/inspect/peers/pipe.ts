/**
 * The other end of a pipe or a FIFO: what is open on the same inode in the other direction. What is open in both is its own
 * other end, and everybody else's.
 *
 * Source: fifo_open() of fs/pipe.c; pipe(7), fifo(7).
 */
import { type Access, accessOf, readFdinfo } from '../../procfs/fdinfo.ts';
import type { Holder } from '../../scan/holder.ts';
import type { Steps } from '../../scan/steps.ts';
import type { SubjectFacts } from '../holders/subject.ts';
import { pipeName } from './name.ts';
import { type Group, Peer, type PeerEnd, type PeerVia, type Seen } from './peer.ts';

const READ: readonly Access[] = ['r', 'rw'];
const WRITE: readonly Access[] = ['w', 'rw'];
const ANY: readonly Access[] = ['r', 'w', 'rw'];
const ATTEMPTS = 8;
const SOUGHT: Readonly<Record<Access, readonly Access[]>> = { r: WRITE, w: READ, rw: ANY };

export class PipePeer extends Peer {
  override readonly via: PeerVia = 'inode';
  override readonly isSilent: boolean = true;
  readonly #subject: SubjectFacts;
  #access: Access | undefined;

  constructor(subject: SubjectFacts) {
    super();
    this.#subject = subject;
  }

  protected override *ask(): Steps<string> {
    const { file, inode, mode } = this.#subject;
    if (mode !== undefined) return this.#opened(mode);
    yield;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const info = readFdinfo(file.pid, file.fd);
      if (typeof info === 'string' || info.flags === undefined) continue;
      // One text is about one file; before Linux 5.14 it does not say which.
      if (info.ino !== undefined && typeof inode !== 'string' && info.ino !== inode.ino) continue;
      return this.#opened(accessOf(info.flags));
    }
    return this.#opened('path');
  }

  #opened(access: Access | 'path'): string {
    this.#access = access === 'path' ? undefined : access;
    this.state = this.#access === undefined ? 'unknown' : 'connected';
    this.reason = this.#access === undefined ? 'its direction could not be read' : undefined;
    return `${this.#access}`;
  }

  override fits(own: readonly Holder[]): boolean {
    return own.every(({ mode }) => mode === undefined || mode === this.#access);
  }

  override links(): string[] {
    const { link } = this.#subject;
    return link === null ? [] : [link];
  }

  override endAt(
    pid: number,
    fd: number,
    _link: string | null,
    isOnInode: boolean,
    mode?: Holder['mode'],
  ): string | undefined {
    if (!isOnInode || this.#access === undefined) return undefined;
    const access = (mode ?? accessAt(pid, fd)) as Access | undefined;
    return access !== undefined && SOUGHT[this.#access].includes(access) ? access : undefined;
  }

  override *tellEnds(seen: readonly Seen[], own: Holder[], group: Group): Steps<PeerEnd[]> {
    const { link } = this.#subject;
    const endOf = (access: Access, holders: Holder[]): PeerEnd => ({
      link,
      name: pipeName(link, access),
      state: 'connected',
      holders,
    });
    const ends = this.#access === 'rw' ? [endOf('rw', own)] : [];
    for (const one of yield* group(seen))
      ends.push(
        endOf(
          one[0]?.end as Access,
          one.map(({ holder }) => holder),
        ),
      );
    return ends;
  }
}

function accessAt(pid: number, fd: number): Access | 'path' | undefined {
  const info = readFdinfo(pid, fd);
  return typeof info === 'string' || info.flags === undefined ? undefined : accessOf(info.flags);
}
