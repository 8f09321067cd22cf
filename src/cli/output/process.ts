/** What `kcmp who PID` says: the answer in one line, then what there is many of, then a line for each. */
import type { FoundFile, Holder, OpenReport } from '../../index.ts';
import { unseen } from '../../scan/coverage.ts';
import { threadsOf } from '../../procfs/processes.ts';
import { readProcess } from '../../procfs/status.ts';
import { plural, some } from '../../util/text.ts';
import { table } from './table.ts';
import { type Gathered, gather, nameOf } from './process/gather.ts';
import { openingText } from './process/opening.ts';
import { awaitedText, blockedText, lockOf, withOwnLocks } from './locks.ts';
import { commandOf, named } from './names.ts';
import {
  type Asked,
  alsoHeld,
  endOf,
  endsOf,
  fdsText,
  otherEndsOf,
  otherEndsText,
  staleText,
} from './process/relations.ts';
import { ofOtherEnd } from './who.ts';

/** Of more lines the rest is only counted. */
const LINES = 40;
const SHOWN = 3;
/** From so many on what there is most of is part of the answer. */
const MANY = 8;

/** What the question was. */
export interface AskedProcess {
  /** Those that were asked about, the first of them by its number. */
  pids: readonly number[];
  all: boolean;
}

type Waiting = NonNullable<OpenReport['waiting']>[number];

export class ProcessText implements Asked {
  readonly #report: OpenReport;
  readonly #pids: ReadonlySet<number>;
  /** Those that were asked about, their threads too. */
  readonly #own: ReadonlySet<number>;
  readonly #asked: AskedProcess;
  readonly #waiting: readonly Waiting[];

  constructor(report: OpenReport, asked: AskedProcess) {
    this.#asked = asked;
    const [pid = 0] = asked.pids;
    // Of a thread what it does itself, and not what others do that have its table.
    const isAsked = readProcess(pid) === pid ? () => true : ({ task }: Waiting): boolean => task === pid;
    this.#waiting = (report.waiting ?? []).filter(isAsked);
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
    const isHidden = unseen(this.#report.coverage).some((skipped) => this.#asked.pids.includes(skipped.pid));
    const has = `${who} ${others.length === 0 ? 'has' : 'have'}`;
    if (count === 0) return `${has} nothing open${isHidden ? ' that could be seen' : ''}.`;
    const waiting = this.#ofWaiting();
    const stale = staleText(this.#report, this.#isAlone);
    const opening = waiting === undefined || waiting.isLoop ? openingText(this.#asked.pids) : undefined;
    const told = [opening, awaitedText(files), this.#ofMost(many), this.#ofOthers(), stale];
    const clauses = (waiting?.isLoop === true ? [...told, waiting.text] : [waiting?.text, ...told]).filter(
      (one) => one !== undefined,
    );
    return `${[`${has} ${plural(count, 'descriptor')} open`, ...clauses].join('; ')}.`;
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
    if (first === undefined || first.files.length < MANY) return undefined;
    const what = first.what.replace(/: (?=opened \d+ times$)/, ' is ');
    return what === first.what ? `among them ${what}` : what;
  }

  /** Who else has the other ends of what is no standard stream. */
  #ofOthers(): string | undefined {
    const isTold = (file: FoundFile): boolean => !this.#isWaitedFor(file) && this.#ownOf(file).some(({ fd }) => fd > 2);
    return otherEndsText(this.#report.files.filter(isTold), this);
  }

  #ofMany({ files, what }: Gathered): string {
    const own = files.flatMap((file) => this.#ownOf(file));
    const [first] = files as [FoundFile];
    return `${[what, ...alsoHeld(files, this.#own), ...endsOf(files, this), ...lockOf(first)].join(', ')}: fd ${some(
      own.map((one) => this.fd(one)),
      SHOWN,
    )}${first.flags.length > 0 && files.every(({ flags }) => flags.join() === first.flags.join()) ? ` (${first.flags.join(', ')})` : ''}`;
  }

  #table(files: readonly FoundFile[]): string[] {
    return table(
      ['FD', 'KIND', 'FILE', 'FLAGS', 'WITH'],
      files.map((file) => [
        fdsText(this.#ownOf(file), this),
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
    const idle = file.idle === undefined ? [] : ['none of these accepts'];
    return [...alsoHeld([file], this.#own), ...endOf(file, this), ...idle, ...lockOf(file)].join('; ');
  }

  #ownOf({ holders }: FoundFile): Holder[] {
    return holders.filter(({ pid }) => this.#pids.has(pid));
  }

  has({ pid }: Holder): boolean {
    return this.#own.has(pid) || this.#pids.has(pid);
  }

  fd({ pid, fd }: Holder): string {
    return this.#isAlone ? `${fd}` : `${pid}:${fd}`;
  }

  /** Whether a number is enough to say whose descriptor it is. */
  get #isAlone(): boolean {
    return this.#pids.size <= 1 && this.#asked.pids.length === 1;
  }

  #isWaitedFor({ holders }: FoundFile): boolean {
    return this.#waiting.some((one) => holders.some((holder) => isAt(holder, one)));
  }

  /** By what those that are told together are alike: the commands, not the processes. */
  #relationOf(file: FoundFile): string {
    const commandsOf = (holders: readonly Holder[]): string =>
      [...new Set(holders.map(({ pid, command = commandOf(pid) }) => command))].sort().join();
    const { otherEnd, holders } = file;
    const others = otherEndsOf(file, this);
    const isOwn = otherEnd?.holders.length !== others.length;
    const end = otherEnd ? `${otherEnd.state} ${isOwn} ${commandsOf(others)}` : '';
    return `${this.#isWaitedFor(file)}\n${commandsOf(holders)}\n${end}\n${lockOf(file).join()}`;
  }

  /** What it waits for, what leads to others, what others have as well, what is its own, the standard streams. */
  #rankOf(file: FoundFile): number {
    if (this.#isWaitedFor(file)) return 0;
    if (this.#ownOf(file).every(({ fd }) => fd <= 2)) return 4;
    if (otherEndsOf(file, this).length > 0 || awaitedText([file]) !== undefined) return 1;
    return alsoHeld([file], this.#own).length > 0 ? 2 : 3;
  }
}

const isAt = ({ pid, fd }: Holder, at: Waiting | undefined): boolean => pid === at?.pid && fd === at.fd;
