/** Is every answer about a scene that holds still exactly the truth, but for what is said not to have been looked at? */
import type {
  Coverage,
  EpollReport,
  FileKind,
  FileRef,
  GroupReport,
  HolderReport,
  InheritedReport,
} from '../../../src/index.ts';
import type { Answers, Questions } from './build.ts';
import { type Item, keyOf, type Known, type Truth } from './truth.ts';

const COULD_NOT_LOOK = new Set(['EPERM', 'EACCES', 'ENOSYS']);

export class Judge {
  readonly #truth: Truth;
  /** What is known to be of which kind, since it was opened so. */
  readonly #kinds: ReadonlyMap<string, FileKind>;
  /** May anything at all be unknown? */
  readonly #partial: boolean;
  readonly wrong: string[] = [];
  #what = '';

  constructor(truth: Truth, kinds: ReadonlyMap<string, FileKind>, partial: boolean) {
    this.#truth = truth;
    this.#kinds = kinds;
    this.#partial = partial;
  }

  all(asked: Questions, answers: Answers): void {
    const each = <T, A>(
      what: string,
      subjects: readonly T[],
      given: ReadonlyArray<A | string>,
      judge: (subject: T, answer: A) => void,
    ): void => {
      for (const [i, subject] of subjects.entries()) {
        this.#what = `${what} ${JSON.stringify(subject)}`;
        const answer = given[i] as A | string;
        if (typeof answer !== 'string') judge(subject, answer);
        else if (!this.#partial || !COULD_NOT_LOOK.has(answer)) this.#say(`it throws ${answer}`);
      }
    };
    each('findHolders', asked.files, answers.holders, (file, report) => this.#holders(file, report));
    each('groupFiles', ['all'], [answers.groups], (_, report) => this.#groups(report));
    each('resolveEpoll', asked.epolls, answers.epolls, (epoll, report) => this.#epoll(epoll, report));
    each('findInherited', asked.families, answers.inherited, (family, report) => this.#inherited(family, report));
    each('sameFile', asked.pairs, answers.same, ([a, b], same) => {
      if (same !== this.#truth.isSame(a, b)) this.#say(`${same}`);
    });
    each('identifyFiles', asked.pairs, answers.identities, ([a, b], { relation }) => {
      if (relation === 'unknown' ? !this.#partial : (relation === 'same') !== this.#truth.isSame(a, b))
        this.#say(relation);
    });
  }

  #say(text: string): void {
    this.wrong.push(`${this.#what}: ${text}`);
  }

  /** What is missing must be told, task by task. */
  #missing(missing: readonly Known[], { skipped }: Coverage, what: string): void {
    if (skipped.some(({ code }) => !this.#partial || !COULD_NOT_LOOK.has(code)))
      this.#say(`${JSON.stringify(skipped)} is skipped`);
    for (const task of new Set(missing.map(({ pid }) => pid))) {
      const own = missing.filter(({ pid }) => pid === task);
      const told = skipped
        .filter(({ pid }) => pid === task || pid === own[0]?.process)
        .reduce((sum, { count, unit }) => sum + (unit === 'descriptor' ? count : Number.POSITIVE_INFINITY), 0);
      if (own.length > told) this.#say(`${what}: ${own.map(keyOf)} missing, and ${told} told`);
    }
  }

  /** Exactly these, each once. */
  #exactly(named: readonly FileRef[], truth: readonly Known[], coverage: Coverage, what: string): void {
    const keys = new Set(named.map(keyOf));
    if (keys.size < named.length) this.#say(`${what}: one is named twice`);
    const right = new Set(truth.map(keyOf));
    for (const key of keys) if (!right.has(key)) this.#say(`${what}: ${key} is named`);
    this.#missing(
      truth.filter((file) => !keys.has(keyOf(file))),
      coverage,
      what,
    );
  }

  #isOfKind(ref: FileRef, kind: FileKind): void {
    const right = this.#kinds.get(keyOf(ref));
    if (kind !== (right ?? kind)) this.#say(`${keyOf(ref)} is called ${kind} instead of ${right}`);
  }

  #holdersOf(ref: FileRef): Known[] {
    return this.#truth.holders.get(this.#truth.known(ref).file) ?? [];
  }

  #holders(file: FileRef, { holders, sameInode, kind, link, coverage }: HolderReport): void {
    const asked = this.#truth.known(file);
    this.#isOfKind(file, kind);
    if (link !== asked.link) this.#say(`link ${link} instead of ${asked.link}`);
    this.#exactly(holders, this.#holdersOf(file), coverage, 'holders');
    const beside = [...this.#truth.files.values()].filter(
      ({ inode, file }) => inode === asked.inode && file !== asked.file,
    );
    // Where inodes are not of one file each, it is enough that nothing wrong is named.
    if (asked.reopenable) this.#exactly(sameInode, beside, coverage, 'sameInode');
    else
      for (const ref of sameInode)
        if (!beside.some((other) => keyOf(other) === keyOf(ref))) this.#say(`sameInode: ${keyOf(ref)} is named`);
  }

  #groups({ groups, coverage }: GroupReport): void {
    const found = new Set<string>();
    for (const { id, kind, link, holders } of groups) {
      const [first] = holders as [FileRef];
      this.#isOfKind(first, kind);
      this.#exactly(holders, this.#holdersOf(first), coverage, `group ${id}`);
      if (link !== this.#truth.known(first).link) this.#say(`group ${id}: link ${link}`);
      for (const ref of holders) found.add(keyOf(ref));
    }
    this.#missing(
      [...this.#truth.files.values()].filter((file) => !found.has(keyOf(file))),
      coverage,
      'groups',
    );
  }

  #epoll(epoll: FileRef, { targets, stable, coverage, instance }: EpollReport): void {
    const items = this.#truth.items(epoll);
    if (!stable) this.#say('is not stable');
    if (
      items.map(({ tfd, data }) => `${tfd} ${data}`).join() !== targets.map(({ tfd, data }) => `${tfd} ${data}`).join()
    )
      this.#say('other targets');
    for (const ref of instance) if (!this.#truth.isSame(ref, epoll)) this.#say(`${keyOf(ref)} is called the instance`);
    for (const [i, target] of targets.entries()) this.#target(epoll.pid, items[i] as Item, target, coverage);
  }

  #target(pid: number, { tfd, toff, holders }: Item, target: EpollReport['targets'][0], coverage: Coverage): void {
    const what = `target ${tfd}, ${toff}`;
    const truth = [...holders].map((key) => this.#truth.files.get(key) as Known);
    this.#exactly(target.holders, truth, coverage, what);
    const own = target.holders.filter((ref) => ref.pid === pid);
    const live = own.some(({ fd }) => fd === tfd);
    const status = live ? 'live' : own.length > 0 ? 'renumbered' : target.holders.length > 0 ? 'foreign' : 'unresolved';
    if (target.status !== status) this.#say(`${what}: ${target.status} instead of ${status}`);
    if (target.reason === 'unseen' && truth.length > 0) this.#say(`${what}: unseen`);
    if (target.reason === 'unreadable' && !this.#partial) this.#say(`${what}: unreadable`);
    const now = this.#truth.files.get(keyOf({ pid, fd: tfd }));
    if (target.numberNow !== (now?.link ?? null)) this.#say(`${what}: number now ${target.numberNow}`);
    // Of what could not be told it may be this very file or not.
    const isUnknown = target.reason === 'unreadable' && !target.numberReused;
    if (!isUnknown && target.numberReused !== (now !== undefined && !live))
      this.#say(`${what}: number reused ${target.numberReused}`);
  }

  #inherited([pid, from]: [number, number], { inherited, coverage }: InheritedReport): void {
    const isTheirs = (file: Known): boolean => file.process === from;
    const shared = [...this.#truth.files.values()].filter(
      (file) => file.pid === pid && file.fd > 2 && this.#holdersOf(file).some(isTheirs),
    );
    for (const { fd, from: other, link } of inherited) {
      const own = this.#truth.known({ pid, fd });
      if (!this.#truth.isSame(own, other)) this.#say(`fd ${fd} is not ${keyOf(other)}`);
      if (link !== own.link) this.#say(`fd ${fd}: link ${link}`);
    }
    // What could not be compared may be of either side.
    const both = {
      ...coverage,
      skipped: coverage.skipped.map((entry) => ({ ...entry, pid: entry.pid === from ? pid : entry.pid })),
    };
    this.#exactly(
      inherited.map(({ fd }) => ({ pid, fd })),
      shared,
      both,
      'inherited',
    );
  }
}
