/**
 * What every kind of other end has in common. Who has it is found by the same looks at the same tables as who has what it
 * is the other end of; before each look the kernel is asked anew what to look for.
 */
import type { FileRef } from '../../binding/kcmp.ts';
import type { Holder } from '../../scan/holder.ts';
import type { Steps } from '../../scan/steps.ts';

/**
 * `connected`, `not-accepted`, `listening`, `unconnected`: as the kernel tells it. `remote`: no socket of this machine has
 * the mirrored address. `closed`: the kernel says so; or of a pipe or pty, which it does not tell, everything was read and
 * nothing anywhere is in flight or registered that could be it. `unseen`: everything was read, no descriptor is it, and it
 * may be in flight or registered. `unknown`: something was not read, or the kernel cannot be asked; `reason` says what.
 */
export type PeerState =
  | 'connected'
  | 'not-accepted'
  | 'listening'
  | 'unconnected'
  | 'remote'
  | 'closed'
  | 'unseen'
  | 'unknown';

/** One description at the other end: a reader of a FIFO, a slave of a pty, the other socket. */
export interface PeerEnd {
  /** What its descriptors' links read. */
  link: string | null;
  /** What people call it. */
  name: string | null;
  /** As the kernel tells it. */
  state: PeerState;
  holders: Holder[];
}

/** How it is known what the other end is: the kernel names it, or it is of the same inode, address, or number of a tty. */
export type PeerVia = 'kernel' | 'inode' | 'address' | 'tty-index';

/** A descriptor that was found to be of an end. */
export interface Seen extends FileRef {
  end: string;
  holder: Holder;
}

/** Tells descriptions apart: of each its descriptors, those that could not be told left out. */
export type Group = (seen: readonly Seen[]) => Steps<Seen[][]>;

/** So often all is looked at anew for an other end that changes; after that it is told with a word on it. */
const PATIENCE = 3;

export abstract class Peer {
  abstract readonly via: PeerVia;
  state: PeerState = 'unknown';
  reason: string | undefined;
  /** Of an other end that is no description here; otherwise its ends have names. */
  name: string | null = null;
  /** The kernel does not tell whether there is another end, so that who has it decides. */
  readonly isSilent: boolean = false;
  /** A descriptor that could be of it, of which the kernel does not tell. */
  doubt: string | undefined;
  /** It was something else each time. */
  isRestless = false;
  #facts: string | undefined;
  #moves = 0;

  /** Finds out what to look for, and returns it in a form that tells whether it is the same as before. */
  protected abstract ask(): Steps<string>;

  /**
   * Which end a descriptor is of, undefined for none.
   * @param isOnInode - whether it is on the inode that the question is about
   * @param mode - how it was opened, where that is known
   */
  abstract endAt(
    pid: number,
    fd: number,
    link: string | null,
    isOnInode: boolean,
    mode?: Holder['mode'],
  ): string | undefined;

  /**
   * The ends, with who was seen to have them.
   * @param own - who has the description that the question is about, which may be its own other end
   */
  abstract tellEnds(seen: readonly Seen[], own: Holder[], group: Group): Steps<PeerEnd[]>;

  /** Whether what is looked for is the other end of what these hold: not when it was another file for a moment. */
  fits(_own: readonly Holder[]): boolean {
    return true;
  }

  /** What the links of its descriptors read, or would. */
  links(): string[] {
    return [];
  }

  /** Before each look: whether something else is to be looked for than in the one before. */
  *hasMoved(): Steps<boolean> {
    const before = this.#facts;
    this.#facts = yield* this.ask();
    if (before === undefined || before === this.#facts) return false;
    this.isRestless = ++this.#moves > PATIENCE;
    return !this.isRestless;
  }
}

/** What has another end of which nothing can be told. */
export class UntoldPeer extends Peer {
  override readonly via: PeerVia = 'kernel';

  constructor(reason: string) {
    super();
    this.reason = reason;
  }

  protected override *ask(): Steps<string> {
    yield;
    return '';
  }
  override endAt(): undefined {
    return undefined;
  }
  override *tellEnds(): Steps<PeerEnd[]> {
    yield;
    return [];
  }
}
