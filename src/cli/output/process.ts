/** What `kcmp who PID` says: the answer in one line, then what there is many of, then a line for each. */
import type { FoundFile, Holder, OpenReport } from '../../index.ts';
import { threadsOf } from '../../procfs/processes.ts';
import { readProcess } from '../../procfs/status.ts';
import { list, plural, some } from '../../util/text.ts';
import { table } from './table.ts';
import { type Gathered, gather, nameOf } from './process/gather.ts';
import { openingText } from './process/opening.ts';
import { awaitedText, blockedText, lockOf, withOwnLocks } from './locks.ts';
import { commandOf, named } from './names.ts';
import { alsoHeld, endOf, endsOf, otherEndsOf, staleText } from './process/relations.ts';
import { heldBy, ofOtherEnd } from './who.ts';

/** Of more lines the rest is only counted. */
const LINES = 40;
const SHOWN = 3;
/** Of so many processes it is told in the first line that they have other ends. */
const ENDS = 2;
/** From so many on what there is most of is part of the answer. */
const MANY = 8;

/** What the question was. */
export interface AskedProcess {
  /** Those that were asked about, the first of them by its number. */
  pids: readonly number[];
  all: boolean;
}

type Waiting = NonNullable<OpenReport['waiting']>[number];

export class ProcessText {
  readonly #report: OpenReport;
  readonly #pids: ReadonlySet<number>;
  /** Those that were asked about, their threads too. */
  readonly #own: ReadonlySet<number>;
  readonly #asked: AskedProcess;
  readonly #waiting: readonly Waiting[];

  constructor(report: OpenReport, asked: AskedProcess) {
    this.#asked = asked;
    this.#waiting = report.waiting ?? [];
    const own = new Set(asked.pids.flatMap((pid) => [pid, ...(readProcess(pid) === pid ? threadsOf(pid) : [])]));
    // A thread's own table is named by its id, and a shared one by one of those that share it.
    const isOwn = ({ pid, sharedWith = [] }: Holder): boolean => [pid, ...sharedWith].some((id) => own.has(id));
    const tables = report.files.flatMap(({ holders }) => holders.filter(isOwn).map(({ pid }) => pid));
    this.#own = own;
    this.#pids = new Set(tables);
    this.#report = { ...report, files: report.files.map((file) => withOwnLocks(file, this.#pids)) };
  }

  lines(): string[] {
    const { files } = this.#report;
    const gathered = this.#asked.all
      ? files.map((file): Gathered => ({ files: [file], what: nameOf(file) }))
      : gather(files, (file) => this.#relationOf(file));
    const many = gathered.filter((one) => one.files.length > 1).sort((a, b) => b.files.length - a.files.length);
    const single = gathered.filter((one) => one.files.length === 1).flatMap((one) => one.files);
    // A few that have to do with nobody else are of the least interest.
    const isOwn = ({ files }: Gathered): boolean => files.length < MANY && this.#rankOf(files[0] as FoundFile) > 2;
    const [first, last] = [many.filter((one) => !isOwn(one)), many.filter(isOwn)];
    const ranked = single.toSorted((a, b) => this.#rankOf(a) - this.#rankOf(b));
    const shown = this.#asked.all ? ranked : ranked.slice(0, LINES);
    const rest = ranked.length - shown.length;
    return [
      this.#answer(many),
      ...(first.length === 0 ? [] : ['', ...first.map((one) => this.#ofMany(one))]),
      ...(shown.length === 0 ? [] : ['', ...this.#table(shown)]),
      ...(last.length === 0 ? [] : ['', ...last.map((one) => this.#ofMany(one))]),
      ...(rest === 0 ? [] : ['', `And ${rest} more, which --all lists.`]),
    ];
  }

  #answer(many: readonly Gathered[]): string {
    const [pid = 0, ...others] = this.#asked.pids;
    const { files } = this.#report;
    const count = files.reduce((sum, file) => sum + this.#ownOf(file).length, 0);
    const who = `${named(pid)}${others.length === 0 ? '' : ` and ${plural(others.length, 'process', 'processes')} below it`}`;
    if (count === 0) return `${who} ${others.length === 0 ? 'has' : 'have'} nothing open.`;
    const waiting = this.#ofWaiting();
    const stale = staleText(this.#report, this.#pids.size <= 1);
    const opening = waiting === undefined || waiting.isLoop ? openingText(this.#asked.pids) : undefined;
    const told = [opening, awaitedText(files), this.#ofMost(many), this.#ofOthers(), stale];
    const clauses = (waiting?.isLoop === true ? [...told, waiting.text] : [waiting?.text, ...told]).filter(
      (one) => one !== undefined,
    );
    const has = `${who} ${others.length === 0 ? 'has' : 'have'} ${plural(count, 'descriptor')} open`;
    return `${[has, ...clauses].join('; ')}.`;
  }

  /** What a thread waits for all by itself says more than what an event loop does. */
  #ofWaiting(): { text: string; isLoop: boolean } | undefined {
    const isLoop = ({ call }: Waiting): boolean => call.startsWith('epoll_');
    const waiting = this.#waiting.find((one) => !isLoop(one)) ?? this.#waiting[0];
    const file = this.#report.files.find(({ holders }) => holders.some((holder) => isAt(holder, waiting)));
    if (waiting === undefined || file === undefined) return undefined;
    const { pid, fd, call } = waiting;
    const who = this.#asked.pids.length === 1 ? 'it' : named(pid);
    const more = [
      ...(file.otherEnd && !isLoop(waiting) ? [ofOtherEnd(file.otherEnd)] : []),
      ...blockedText(file.blockedBy ?? []),
    ];
    const text = [`${who} waits in ${call} on fd ${fd}, ${nameOf(file)}`, ...more].join('; ');
    return { text, isLoop: isLoop(waiting) };
  }

  #ofMost([first]: readonly Gathered[]): string | undefined {
    return first === undefined || first.files.length < MANY ? undefined : first.what.replace(': ', ' is ');
  }

  /** Who else has the other ends of what is no standard stream. */
  #ofOthers(): string | undefined {
    const ends = new Map<number, { fds: string[]; holders: Holder[] }>();
    for (const file of this.#report.files) {
      const own = this.#ownOf(file).filter(({ fd }) => fd > 2);
      const others = otherEndsOf(file).filter(({ pid }) => !this.#pids.has(pid));
      const [holder] = others;
      if (own.length === 0 || holder === undefined || this.#isWaitedFor(file)) continue;
      const known = ends.get(holder.pid) ?? { fds: [], holders: [] };
      ends.set(holder.pid, known);
      known.fds.push(this.#fdsOf(own));
      known.holders.push(...others.filter(({ pid }) => pid === holder.pid));
    }
    const told = [...ends.values()];
    const more = told.splice(ENDS).length;
    const clauses = told.map(({ fds, holders }, i) => {
      const which = `of fd ${fds.length > SHOWN ? some(fds, SHOWN) : list(fds)}`;
      const [one, isFirst] = [fds.length === 1, i === 0];
      const who = isFirst ? `${one ? 'is' : 'are'} ${heldBy(holders)}` : heldBy(holders).replace('held ', '');
      return `${isFirst ? `the other end${one ? '' : 's'}` : one ? 'that' : 'those'} ${which} ${who}`;
    });
    if (more > 0) clauses.push(`and others by ${plural(more, 'more process', 'more processes')}`);
    return clauses.length === 0 ? undefined : clauses.join(', ');
  }

  #ofMany({ files, what }: Gathered): string {
    const own = files.flatMap((file) => this.#ownOf(file));
    const [first] = files as [FoundFile];
    return `${[what, ...alsoHeld(files, this.#own), ...endsOf(files)].join(', ')}: fd ${some(
      own.map((one) => this.#fd(one)),
      SHOWN,
    )}${first.flags.length > 0 && files.every(({ flags }) => flags.join() === first.flags.join()) ? ` (${first.flags.join(', ')})` : ''}`;
  }

  #table(files: readonly FoundFile[]): string[] {
    return table(
      ['FD', 'KIND', 'FILE', 'FLAGS', 'WITH'],
      files.map((file) => [
        this.#fdsOf(this.#ownOf(file)),
        file.kind,
        nameOf(file),
        file.flags.join(', '),
        this.#withWhom(file),
      ]),
      [0],
      true,
    );
  }

  #withWhom(file: FoundFile): string {
    const idle = file.idle === undefined ? [] : ['nobody accepts'];
    return [...alsoHeld([file], this.#own), ...endOf(file), ...idle, ...lockOf(file)].join('; ');
  }

  #ownOf({ holders }: FoundFile): Holder[] {
    return holders.filter(({ pid }) => this.#pids.has(pid));
  }

  #fd({ pid, fd }: Holder): string {
    return this.#pids.size === 1 ? `${fd}` : `${pid}:${fd}`;
  }

  #fdsOf(own: readonly Holder[]): string {
    const fds = own.map((one) => this.#fd(one));
    return fds.length > SHOWN ? some(fds, SHOWN) : list(fds);
  }

  #isWaitedFor({ holders }: FoundFile): boolean {
    return this.#waiting.some((one) => holders.some((holder) => isAt(holder, one)));
  }

  /** By what those that are told together are alike: the commands, not the processes. */
  #relationOf(file: FoundFile): string {
    const commandsOf = (holders: readonly Holder[]): string =>
      [...new Set(holders.map(({ pid, command = commandOf(pid) }) => command))].sort().join();
    const { otherEnd, holders } = file;
    const isOwn = otherEnd?.holders.length !== otherEndsOf(file).length;
    const end = otherEnd ? `${otherEnd.state} ${isOwn} ${commandsOf(otherEndsOf(file))}` : '';
    return `${this.#isWaitedFor(file)}\n${commandsOf(holders)}\n${end}\n${lockOf(file).join()}`;
  }

  /** What it waits for, what leads to others, what others have as well, what is its own, the standard streams. */
  #rankOf(file: FoundFile): number {
    if (this.#isWaitedFor(file)) return 0;
    if (this.#ownOf(file).every(({ fd }) => fd <= 2)) return 4;
    if (otherEndsOf(file).length > 0 || awaitedText([file]) !== undefined) return 1;
    return alsoHeld([file], this.#own).length > 0 ? 2 : 3;
  }
}

const isAt = ({ pid, fd }: Holder, at: Waiting | undefined): boolean => pid === at?.pid && fd === at.fd;
