/** One instance as it is looked at time and again: its list, its targets, and who has it. */
import type { FileRef } from '../../binding/kcmp.ts';
import { EpollFile } from '../../procfs/epoll-file.ts';
import type { Steps } from '../../scan/steps.ts';
import { isSame, isRef } from '../../scan/subject.ts';
import type { Scan, Table } from '../../scan/tables.ts';
import { waitAWhile } from '../../util/clock.ts';
import { isText, ownText } from './instance.ts';
import type { Inodes } from './inode-classes.ts';
import { proveOwnNumbers, sureLinks } from './proof.ts';
import { TargetSearch } from './search.ts';
import { type OpenTarget, parseTargets } from './targets.ts';
import type { Walks } from './walks.ts';

/** So often the list is read once more where it may have changed and changed back: each time it is even odds to notice. */
const LOOKS = 16;
/** Of very many targets less often, since each reading keeps the mutex for long. */
const FEW_LOOKS = 2;
/** Milliseconds between two of these at most. */
const STEP = 0.01;

export class InstanceView {
  instance: FileRef[] = [];
  targets: OpenTarget[] = [];
  /** Whether the list was the same before and after the last look. */
  isSame = true;
  readonly #file: EpollFile;
  readonly #walks: Walks;
  readonly #keepsOpen: boolean;
  /** The list as it was before the last look, and as it was read last. */
  #text: Buffer;
  #latest: Buffer | string;
  #seen: Scan | undefined;
  #proven: Uint8Array = new Uint8Array(0);
  #search: TargetSearch | undefined;

  /**
   * @param keepsOpen - whether the list stays open between two readings
   * @throws when the list cannot be read
   */
  constructor(walks: Walks, keepsOpen: boolean) {
    const { pid, efd } = walks;
    this.#walks = walks;
    this.#keepsOpen = keepsOpen;
    this.#file = new EpollFile(pid, efd);
    this.#latest = this.#text = ownText(walks.read(this.#file), pid, efd);
  }

  /** Proves what is where it was registered; adds the links that are known by that, by descriptor. */
  *prove(sure: string[]): Steps<void> {
    this.#yieldFile();
    const walks = this.#walks;
    this.targets = yield* this.#parse();
    this.#proven = walks.isPaced ? new Uint8Array(this.targets.length) : yield* proveOwnNumbers(walks, this.targets);
    sureLinks(walks.pid, this.targets, this.#proven, sure);
  }

  begin(seen: Scan, inodes: Inodes): void {
    this.#seen = seen;
    this.#search = new TargetSearch(this.#walks, seen, inodes, this.targets, this.#proven);
  }

  get isPaced(): boolean {
    return this.#walks.isPaced;
  }

  /**
   * Who has the instance may wait for whoever looks at it.
   * @param instance - every descriptor of it that was seen
   */
  watch(instance: readonly FileRef[]): void {
    const ids = new Set(instance.map(({ pid }) => pid));
    const having = (this.#seen as Scan).tables.filter(({ id }) => ids.has(id));
    this.#walks.watch(having.flatMap(({ pid, sharedWith }) => [pid, ...sharedWith]));
  }

  /**
   * One look, as settle() wants it.
   * @param hasRun - whether its process has run since the list was read
   */
  *look(restless: readonly Table[], hasRun: boolean): Steps<ReadonlySet<Table>> {
    const [seen, search] = [this.#seen as Scan, this.#search as TargetSearch];
    let hasChanged = false;
    const open = search.looks > 0 && hasRun ? seen.tables : restless;
    if (search.looks > 0) {
      const now = this.#walks.isPaced ? this.#latest : yield* this.#read();
      this.isSame = typeof now !== 'string';
      if (typeof now === 'string') {
        search.miss();
        return new Set(open);
      }
      hasChanged = !isText(this.#text, now);
      this.#text = now;
      if (hasChanged) {
        this.targets = yield* this.#parse();
        yield* search.goOn(this.targets);
      }
    }
    const changed = yield* search.look(open);
    this.isSame = isText(this.#text, yield* this.#read());
    return hasChanged ? new Set(open) : changed;
  }

  /** Takes who has the instance, after a look; whether these are others than after the one before. */
  isOther(instance: FileRef[]): boolean {
    const isOther = (this.#search as TargetSearch).looks > 1 && !areSame(this.instance, instance);
    this.instance = instance;
    return isOther;
  }

  get ref(): FileRef {
    return { pid: this.#walks.pid, fd: this.#walks.efd };
  }

  *#read(): Steps<Buffer | string> {
    this.#latest = this.#walks.read(this.#file);
    this.#yieldFile();
    yield* this.#walks.rest();
    return this.#latest;
  }

  #yieldFile(): void {
    if (this.#keepsOpen) this.#file.yieldLast();
    else this.#file.close();
  }

  *#parse(): Steps<OpenTarget[]> {
    const targets = yield* parseTargets(this.#text);
    this.#walks.expect(targets.length);
    yield* this.#walks.rest();
    return targets;
  }

  /** Whether the list may have changed since it was read, and changed back: not if nobody who is known to have it ran. */
  isRestless(hasRun: boolean): boolean {
    if (!this.isSame || hasRun) return true;
    const others = new Set(this.instance.map(({ pid }) => pid));
    others.delete(this.#walks.pid);
    if (others.size === 0) return false;
    // What was proven before all tables were listed, others may have changed and changed back by then.
    if (!this.isPaced && this.#search?.looks === 1) return true;
    const { tables } = this.#seen as Scan;
    return tables.some((table) => others.has(table.id) && !(this.#seen as Scan).isStill(table));
  }

  /** The same as far as all is to be looked at again: of very many targets only if the list was seen to change. */
  mayHaveChanged(hasRun: boolean): boolean {
    return this.#walks.isPaced ? !this.isSame : this.isRestless(hasRun);
  }

  /** Whether anybody who has the instance is one of these. */
  isAmong(tables: ReadonlySet<Table>): boolean {
    const holders = new Set([this.#walks.pid, ...this.instance.map(({ pid }) => pid)]);
    for (const { id, sharedWith } of tables)
      if (holders.has(id) || sharedWith.some((other) => holders.has(other))) return true;
    return false;
  }

  /** Whether the list, which may change all the while, is seen to stay as it is. */
  *isSteady(inodes: Inodes): Steps<boolean> {
    const search = this.#search as TargetSearch;
    return (
      this.isSame &&
      (yield* search.confirms(inodes)) &&
      (yield* this.#isUnchanged()) &&
      (yield* search.confirms(inodes))
    );
  }

  /** Why items could not be compared. */
  get dropped(): ReadonlyMap<number, string> {
    return (this.#search as TargetSearch).dropped;
  }

  /** Tells in the targets what was found, but for what changed all the while. */
  describe(unsettled: ReadonlySet<Table>): Steps<void> {
    return (this.#search as TargetSearch).describe(unsettled);
  }

  close(): void {
    this.#file.close();
  }

  /** What comes and goes faster than it can be read is met in one state or the other: items, or another instance. */
  *#isUnchanged(): Steps<boolean> {
    const { ref } = this;
    const other = this.instance.find((one) => !isRef(one, ref));
    for (let look = this.#walks.isPaced ? LOOKS - FEW_LOOKS : 0; look < LOOKS; look++) {
      yield* this.#walks.rest();
      if (!isText(this.#text, this.#walks.isPaced ? this.#walks.read(this.#file) : this.#file.read())) return false;
      if (other !== undefined && !isSame(ref, other)) return false;
      if (!this.#walks.isPaced && !(this.#search as TargetSearch).agrees(look)) return false;
      waitAWhile(STEP);
    }
    return true;
  }
}

const areSame = (a: readonly FileRef[], b: readonly FileRef[]): boolean =>
  a.length === b.length && a.every((one, i) => isRef(one, b[i] as FileRef));
