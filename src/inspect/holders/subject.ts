/**
 * The descriptor that a search is about: what it is, and whether it was that all the while. Its process may close it and
 * open another file under its number, and that again, while it is compared with thousands.
 */
import { KCMP_FILE } from '../../binding/abi.ts';
import type { FileRef } from '../../binding/kcmp.ts';
import { kcmpRaw } from '../../binding/syscall.ts';
import { isClosed, readLink, statIno, tryLink } from '../../procfs/fd.ts';
import type { Holder } from '../../scan/holder.ts';
import type { Steps } from '../../scan/steps.ts';
import { closedOrRefused, isOpen, isSame, isRef, requireOpen, subjectError } from '../../scan/subject.ts';
import { hasRested, type Rest, restOf } from '../../scan/rest.ts';

const ATTEMPTS = 8;
/** So often a witness is asked in the end. */
const TIMES = 16;
/** Who ran so often while it stood in for the subject is not taken again, or nothing would ever be told. */
const CHANCES = 2;

/** A descriptor, and how it compared with the subject: it compares the same for as long as both hold still. */
export interface Witness extends FileRef {
  result: number;
}

/** A holder that holds still, and how it was with its process when that was found. */
export interface Still {
  witness: Witness;
  pid: number;
  rest: Rest | undefined;
}

type Inode = ReturnType<typeof statIno>;

/** What was read of a descriptor. */
export interface SubjectFacts {
  readonly file: FileRef;
  readonly link: string | null;
  readonly inode: Inode;
  /** How it was opened, where that was read with the rest. */
  readonly mode?: Holder['mode'];
}

export class Subject implements SubjectFacts {
  readonly file: FileRef;
  readonly link: string | null;
  /** Or the errno's name: on a mount of another user's, say, there may be no inode to be read of what is open. */
  readonly inode: Inode;
  /** How it was with its process before it was read last. */
  rest: Rest | undefined;
  #stand: Still | undefined;
  /** Who ran while standing in for it, each time. */
  readonly #runners: readonly number[];
  /** Whether it was found to be another file than in the beginning. */
  isOther = false;

  /**
   * @param before - what it was when it was looked at before
   * @throws when it is not open, may not be inspected, or is another file each time
   */
  constructor(file: FileRef, before?: Subject) {
    this.file = file;
    this.#runners = before?.runners() ?? [];
    this.rest = restOf(file.pid);
    const { link, inode } = identityOf(file);
    this.link = link;
    this.inode = inode;
  }

  /** What is compared in its place, and read: once its process has run, somebody else who has it and holds still. */
  get stand(): FileRef {
    return this.#stand?.witness ?? this.file;
  }

  /**
   * Looks at it once more, so that whatever is compared with it from now on is compared with what it is now.
   * @param still - what was found to be the same file, and cannot have become another one since
   */
  renew(still: Iterable<Still>): void {
    this.rest = restOf(this.file.pid);
    this.isOther ||= !this.#hasIdentity();
    this.#stand = undefined;
    for (const one of still) {
      const { witness } = one;
      const { pid, fd } = witness;
      const chances = CHANCES - this.#runners.filter((runner) => runner === one.pid).length;
      if (chances <= 0 || isRef(witness, this.file)) continue;
      const isNow = isSame(witness, this.file);
      // One that is another file just now will do: in the end it must be this one.
      if ((!isNow && this.#stand !== undefined) || !this.#isOn(readLink(pid, fd), statIno(pid, fd))) continue;
      this.#stand = one;
      if (isNow) return;
    }
  }

  /**
   * Whether its process has not run since, nor that of who stands in for it: nothing was opened under their numbers.
   * @param ask - what tells whether a process has run
   */
  hasRested(ask: typeof hasRested = hasRested): boolean {
    return ask(this.file.pid, this.rest) && this.hasStood(ask);
  }

  /** The same of who stands in for it alone. */
  hasStood(ask: typeof hasRested = hasRested): boolean {
    return this.#stand === undefined || ask(this.#stand.pid, this.#stand.rest);
  }

  /** Who ran while standing in for it, now and before. */
  runners(): readonly number[] {
    const { pid } = this.#stand ?? {};
    return pid === undefined || this.hasStood() ? this.#runners : [...this.#runners, pid];
  }

  /**
   * Whether it was one and the same file all the while, as far as others can tell that were compared with it twice.
   * @param witnesses - what was found to be the same file, or on the same inode
   * @param restless - the tasks of those that changed all the while
   */
  *isStill(witnesses: Iterable<Witness>, restless: ReadonlySet<number>): Steps<boolean> {
    const { file } = this;
    requireOpen(file);
    // What was read of one that has ended, or is another file by now, says nothing.
    if (!this.hasStood()) return false;
    if (this.hasRested()) return true;
    if (!this.#hasIdentity()) return false;
    let doAgree: boolean | undefined;
    for (const witness of witnesses) {
      if (witness.result !== 0 || isRef(witness, file)) continue;
      // One that still is the same would have had to move with it.
      const agreesNow = doAgree === true ? agrees(file, witness) : this.#agreesFirmly(witness);
      // The restless may themselves have moved since. Of others none can have been it that is not.
      if (!agreesNow && !restless.has(witness.pid)) return false;
      doAgree = doAgree === true || agreesNow;
      yield;
    }
    return doAgree !== false && this.#hasIdentity();
  }

  #agreesFirmly(witness: Witness): boolean {
    for (let time = 0; time < TIMES; time++) if (!agrees(this.file, witness)) return false;
    return true;
  }

  /** Whether a descriptor compares as before; of one that is closed nothing is told. */
  agrees(witness: Witness): boolean {
    return agrees(this.stand, witness);
  }

  #hasIdentity(): boolean {
    const { link, inode } = identityOf(this.file);
    return this.#isOn(link, inode);
  }

  #isOn(link: string | number | null, inode: Inode): boolean {
    if (typeof inode === 'string' || typeof this.inode === 'string') return link === this.link;
    return link === this.link && inode.ino === this.inode.ino && inode.dev === this.inode.dev;
  }
}

function agrees({ pid, fd }: FileRef, witness: Witness): boolean {
  const now = kcmpRaw(pid, witness.pid, KCMP_FILE, fd, witness.fd);
  return now === witness.result || now < 0;
}

/**
 * Link and inode of one file: it may become another one between the two.
 * @throws when it is not open, may not be inspected, or is another file each time
 */
function identityOf(file: FileRef): { link: string | null; inode: Inode } {
  const { pid, fd } = file;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const read = tryLink(pid, fd);
    const inode = statIno(pid, fd);
    if (typeof inode === 'string' && !isOpen(file)) throw closedOrRefused(pid, fd, inode);
    // Closed just then, it would get the kind of what takes its place.
    if (typeof read === 'string' && isClosed(read)) continue;
    const link = typeof read === 'string' ? null : read.link;
    if (readLink(pid, fd) === link) return { link, inode };
  }
  throw subjectError('EAGAIN', pid, fd);
}
