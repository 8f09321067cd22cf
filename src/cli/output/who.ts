/** What `kcmp who` says of one open file: the answer in one line, then who has it, its other end, and its inode. */
import type { Holder, HolderReport, OpenFile, OtherEnd } from '../../index.ts';
import { identifyFiles } from '../../inspect/identify.ts';
import { readProcess } from '../../procfs/status.ts';
import { unseen } from '../../scan/coverage.ts';
import { describeFile, list, plural, some } from '../../util/text.ts';
import { table } from './table.ts';
import { elsewhereText } from './elsewhere.ts';
import { giverText } from './giver.ts';
import { blockedText, lockTable, locksText } from './locks.ts';
import { commandOf, named, timeOf, userOf } from './names.ts';
import { fullText, idleText, queuesText } from './queues.ts';

/** What a state means of an other end that nobody was found to have. */
const STATES: Readonly<Record<OtherEnd['state'], string>> = {
  connected: 'its other end is held by nobody',
  'not-accepted': 'its other end is not accepted yet',
  listening: 'nobody waits to be accepted',
  unconnected: 'it is not connected',
  remote: 'its other end is not on this machine',
  closed: 'its other end is closed',
  unseen: 'its other end is held by no descriptor, but may be in flight or registered',
  unknown: 'its other end could not be told',
};

const SHOWN = 5;

/** Who shares the table of one that has a descriptor: of a thread its own process is nobody else. */
const othersWith = ({ pid, sharedWith = [] }: Holder): number[] =>
  sharedWith.length === 0 ? sharedWith : sharedWith.filter((other) => readProcess(other) !== readProcess(pid));

/** Each process that has a descriptor, where it shares its table with others. */
export function sharersOf(holder: Holder): Holder[] {
  const { sharedWith, ...one } = holder;
  return [one, ...othersWith(holder).map((pid) => ({ ...one, pid, command: commandOf(pid) }))];
}

/** Of more it is not told which of them are one description, nor whose threads they are. */
const FEW = 64;

/** `, and 3 more processes`, besides the first; threads that have tables of their own are no more processes. */
function besides(tasks: ReadonlySet<number>): string {
  const processes = tasks.size > FEW ? tasks : new Set([...tasks].map((task) => readProcess(task)));
  if (processes.size > 1) return `, and ${plural(processes.size - 1, 'more process', 'more processes')}`;
  return tasks.size > 1 ? `, and ${plural(tasks.size - 1, 'more thread')} of it` : '';
}

/**
 * `sleep (4711), fd 1 and 2, and 3 more processes`: the descriptors of the first of them, of whom there is one. A listener may
 * be the other end of many.
 */
export function heldBy(holders: readonly Holder[]): string {
  const [{ pid, command = commandOf(pid) }] = holders as [Holder];
  const own = [...new Set(holders.filter((holder) => holder.pid === pid).map(({ fd }) => `${fd}`))];
  const fds = own.length > SHOWN ? some(own, SHOWN - 1) : list(own);
  // A thread that has a table of its own is in no list of processes.
  const process = readProcess(pid);
  const thread = process === pid ? '' : ` (a thread of ${process})`;
  const tasks = new Set(holders.flatMap((holder) => [holder.pid, ...othersWith(holder)]));
  return `held by ${command} (${pid}), fd ${fds}${thread}${besides(tasks)}`;
}

/** A reason that says itself what could not be told, and of whom. */
const isWhole = (reason: string | undefined): reason is string => reason?.includes('could not be told') === true;

export function ofOtherEnd({ state, reason, holders, ends }: OtherEnd): string {
  if (state === 'unknown' && holders.length === 0 && isWhole(reason)) return reason;
  const why = reason === undefined ? '' : ` (${reason})`;
  const isPlain = state === 'connected' || state === 'unconnected' || state === 'listening';
  if (holders.length > 0)
    return `its other end is ${isPlain ? '' : `${state.replace('-', ' ')}, `}${heldBy(holders)}${why}`;
  const isAwaited = state === 'listening' && ends.length > 0;
  return `${isAwaited ? `of ${ends.length} that ${ends.length === 1 ? 'waits' : 'wait'} to be accepted nobody here has the other end` : STATES[state]}${why}`;
}

function answer(report: HolderReport, others: readonly Holder[], isLimited: boolean): string {
  const { file, kind, link, name, otherEnd, elsewhere = [], locks = [], blockedBy = [], coverage } = report;
  const what = `fd ${file.fd} of ${named(file.pid)}, ${name ?? describeFile(kind, link)}`;
  const seen = `${isLimited ? ' among these processes' : ''}${unseen(coverage).length > 0 ? ' that could be seen' : ''}`;
  const kept = elsewhereText(elsewhere, [...report.holders, ...report.sameInode]);
  const nobody = kept === undefined ? `is held by nobody else${seen}` : `has no other descriptor${seen}`;
  const isOtherEnd = others.length === 0 && (otherEnd?.holders.length ?? 0) > 0;
  const held = isOtherEnd ? what : `${what}, ${others.length > 0 ? `is also ${heldBy(others)}` : nobody}`;
  const more = [
    ...locksText(locks),
    ...giverText(report, coverage, isLimited),
    ...blockedText(blockedBy),
    ...(kept === undefined ? [] : [kept]),
  ];
  return `${[`${held}${idleText(report)}${fullText(report)}`, ...(otherEnd ? [ofOtherEnd(otherEnd)] : []), ...more].join('; ')}.`;
}

function row({ pid, fd, mode, cloexec, uid, started, command, sharedWith = [] }: Holder): string[] {
  const also = sharedWith.length > 0 ? ` (and all of its table: ${list(sharedWith.map(named))})` : '';
  return [
    `${pid}`,
    `${fd}`,
    mode ?? '?',
    cloexec === undefined ? '?' : cloexec ? 'yes' : 'no',
    uid === undefined ? '?' : userOf(uid),
    timeOf(started),
    `${command ?? commandOf(pid)}${also}`,
  ];
}

const COLUMNS = ['PID', 'FD', 'MODE', 'CLOEXEC', 'USER', 'STARTED', 'COMMAND'];
export const holderTable = (holders: readonly Holder[]): string[] => table(COLUMNS, holders.map(row), [0, 1]);

/** Those that are one description together; all together where that cannot be told. */
function byDescription(holders: readonly Holder[]): Holder[][] {
  if (holders.length > FEW) return [[...holders]];
  const groups: Holder[][] = [];
  let isUntold = false;
  const isOne = (a: Holder, b: Holder): boolean => {
    const { relation } = identifyFiles(a, b);
    isUntold ||= relation === 'unknown';
    return relation === 'same';
  };
  try {
    for (const holder of holders) {
      const group = groups.find(([first]) => isOne(first as Holder, holder));
      if (group === undefined) groups.push([holder]);
      else group.push(holder);
    }
    return isUntold ? [[...holders]] : groups;
  } catch {
    return [[...holders]];
  }
}

function sameInodeTables(holders: readonly Holder[]): string[] {
  const groups = byDescription(holders);
  if (groups.length < 2) return under('Of the same inode, but other open file descriptions:', holders);
  return groups.flatMap((group, i) =>
    under(`Of the same inode, but another open file description, ${i + 1} of ${groups.length}:`, group),
  );
}

function under(head: string, holders: readonly Holder[]): string[] {
  return holders.length === 0 ? [] : ['', head, '', ...holderTable(holders)];
}

/** Flags and position of the description; nothing where there is nothing to be said. */
export function stateOf(file: OpenFile): string[] {
  const { flags, pos, size } = file;
  const at = pos === null ? '' : `Position: ${pos}${size === null ? '' : ` of ${plural(size, 'byte')}`}.`;
  const parts = [flags.length > 0 ? `Flags: ${flags.join(', ')}.` : '', at, ...queuesText(file)].filter(
    (part) => part !== '',
  );
  return parts.length === 0 ? [] : [parts.join(' '), ''];
}

/** The epoll instances that watch it. */
export function watcherTable({ watchers = [] }: OpenFile): string[] {
  if (watchers.length === 0) return [];
  const rows = watchers.map(({ pid, efd, tfd, eventNames }) => [
    `${pid}`,
    `${efd}`,
    `${tfd}`,
    commandOf(pid),
    eventNames.join(' '),
  ]);
  return ['', 'Watched by epoll instances:', '', ...table(['PID', 'EFD', 'TFD', 'COMMAND', 'EVENTS'], rows, [0, 1, 2])];
}

/**
 * Everything that is known.
 * @param others - who else has the description
 * @param isLimited - whether only some processes were looked at
 */
export function whoText(report: HolderReport, others: readonly Holder[], isLimited: boolean = false): string[] {
  const { holders, otherEnd, sameInode, locks = [], blockedBy = [] } = report;
  return [
    answer(report, others, isLimited),
    '',
    ...stateOf(report),
    ...holderTable(holders),
    ...lockTable([...locks, ...blockedBy]),
    ...watcherTable(report),
    ...endTable(otherEnd),
    ...sameInodeTables(sameInode),
  ];
}

/** Who has the other end; nothing where nobody has, or there is none. */
export function endTable(otherEnd: OpenFile['otherEnd']): string[] {
  if (!otherEnd) return [];
  const { name, state, holders } = otherEnd;
  // Of a listener the others are who waits, and do not listen.
  const words =
    state === 'connected' || state === 'unconnected' ? [] : [state === 'listening' ? 'not accepted yet' : state];
  return under(`${['The other end', ...(name === null ? [] : [name]), ...words].join(', ')}:`, holders);
}
