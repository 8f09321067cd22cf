/**
 * `kcmp who PID:FD`: who else refers to this open file description, who has its other end, and who another description
 * of the same inode.
 */
import { findHolders, type Holder, type HolderReport, type OtherEnd } from '../../index.ts';
import { readProcess } from '../../procfs/status.ts';
import { unseen } from '../../scan/coverage.ts';
import { describeFile, plural, some, table } from '../../util/text.ts';
import { expect, fileRef, parse } from '../args.ts';
import type { Command } from '../io.ts';
import { scanCode, tellPartial } from '../output/coverage.ts';
import { elsewhereCode, elsewhereText } from '../output/elsewhere.ts';
import { printJson } from '../output/json.ts';
import { commandOf, named, timeOf } from '../output/names.ts';
import { print } from '../output/print.ts';
import { withProgress } from '../output/progress.ts';

function row({ pid, fd, mode, cloexec, started, command, sharedWith = [] }: Holder): string[] {
  const also = sharedWith.length > 0 ? ` (its whole table also belongs to ${some(sharedWith.map(String), 5)})` : '';
  return [
    `${pid}`,
    `${fd}`,
    mode ?? '?',
    cloexec === undefined ? '?' : cloexec ? 'yes' : 'no',
    timeOf(started),
    `${command ?? commandOf(pid)}${also}`,
  ];
}

const holderTable = (holders: Holder[]): string[] =>
  table(['PID', 'FD', 'MODE', 'CLOEXEC', 'STARTED', 'COMMAND'], holders.map(row), [0, 1]);

/** Whether there are others than the descriptor that was asked about; a thread's own process is none. */
function hasOthers({ file, holders }: HolderReport): boolean {
  const own = readProcess(file.pid);
  return holders.some(
    ({ pid, fd, sharedWith = [] }) => pid !== file.pid || fd !== file.fd || sharedWith.some((id) => id !== own),
  );
}

/** What a state means of an other end that nobody was found to have. */
const WORDS: Readonly<Record<OtherEnd['state'], string>> = {
  connected: 'is held by nobody',
  'not-accepted': 'is not accepted yet',
  listening: 'is whoever waits to be accepted: nobody',
  unconnected: 'does not exist: it is not connected',
  remote: 'is not on this machine',
  closed: 'is closed',
  unseen: 'is held by no descriptor, but may be in flight or registered',
  unknown: 'could not be told',
};

function otherEnd({ state, name, reason, holders }: OtherEnd): string[] {
  const what = `Its other end${name === null ? '' : `, ${name},`}`;
  const why = reason === undefined ? '' : `: ${reason}`;
  if (holders.length === 0) return ['', `${what} ${WORDS[state]}${why}.`];
  const pids = new Set(holders.map(({ pid }) => pid)).size;
  const held = `is held by ${plural(holders.length, 'descriptor')} of ${plural(pids, 'process', 'processes')}`;
  return ['', `${what} ${held}${why}.`, '', ...holderTable(holders)];
}

function text(report: HolderReport, held: boolean): string[] {
  const { file, kind, link, holders, sameInode, coverage } = report;
  const elsewhere = elsewhereText(report.elsewhere ?? []);
  const what = `fd ${file.fd} of ${named(file.pid)}, ${describeFile(kind, link)},`;
  const pids = new Set(holders.map(({ pid }) => pid));
  const sentence = held
    ? `${what} is held by ${plural(holders.length, 'descriptor')} of ${plural(pids.size, 'process', 'processes')}`
    : elsewhere === undefined
      ? `${what} is held by nobody else${unseen(coverage).length > 0 ? ' that could be seen' : ''}`
      : `${what} has no other descriptor${unseen(coverage).length > 0 ? ' that could be seen' : ''}`;
  const others =
    sameInode.length === 0
      ? []
      : [
          '',
          `On the same inode, but another open file description: ${plural(sameInode.length, 'descriptor')}.`,
          '',
          ...holderTable(sameInode),
        ];
  const kept = elsewhere === undefined ? '' : `; ${elsewhere}`;
  const end = report.otherEnd ? otherEnd(report.otherEnd) : [];
  return [`${sentence}${kept}.`, '', ...holderTable(holders), ...end, ...others];
}

export const run: Command = (args, io) => {
  const parsed = parse('who', args);
  expect('who', parsed.rest, 'PID:FD');
  const file = fileRef(parsed.rest[0] ?? '');
  const report = withProgress(io, (options) => findHolders(file, options));
  const held = hasOthers(report);
  if (parsed.flag('json')) printJson(io, report);
  else print(io, text(report, held));
  tellPartial(io, report.coverage);
  if (held || (report.otherEnd?.holders.length ?? 0) > 0) return 0;
  const state = report.otherEnd?.state;
  const unsure = state === 'unseen' || state === 'unknown' ? 2 : undefined;
  return elsewhereCode(report.elsewhere ?? []) ?? unsure ?? scanCode(false, report.coverage);
};
