/** `kcmp inherited PID`: the descriptors beyond 0, 1 and 2 that a process shares with those it descends from. */
import { findInherited, type InheritedReport } from '../../index.ts';
import { unseen } from '../../scan/coverage.ts';
import { plural, ref } from '../../util/text.ts';
import { table } from '../output/table.ts';
import { expect, parse, taskId, UsageError } from '../args.ts';
import type { Command } from '../io.ts';
import { tellPartial } from '../output/coverage.ts';
import { printJson } from '../output/json.ts';
import { named } from '../output/names.ts';
import { printAnswer } from '../output/print.ts';
import { withProgress } from '../output/progress.ts';

const HEAD = ['FD', 'FROM', 'KIND', 'FILE'];

/** Beside the process and its parent others were looked at where something was left. */
function whomOf({ from, unexplained, coverage }: InheritedReport, isParent: boolean): string {
  const isFar = coverage.processes > 2 || unexplained.length > 0;
  return isParent ? `its parent ${named(from)}${isFar ? ' or who else it descends from' : ''}` : named(from);
}

/** The report does not tell whether anything that is shared was left out. */
const besides = (isNone: boolean): string => (isNone ? ', but for what is allowed' : ', besides what is allowed');

/**
 * @param isParent - nobody was named to compare it with
 * @param isAnyAllowed - some are left out where they are shared
 */
function text(report: InheritedReport, isParent: boolean, isAnyAllowed: boolean): string[] {
  const { pid, inherited, unexplained, coverage } = report;
  const isPartial = unseen(coverage).length > 0;
  const none = `no descriptor${isPartial ? ' that could be seen' : ''}`;
  const what = inherited.length === 0 ? none : plural(inherited.length, 'descriptor');
  const answer = `${named(pid)} shares ${what} beyond 0, 1 and 2 with ${whomOf(report, isParent)}${isAnyAllowed ? besides(inherited.length === 0) : ''}`;
  const rows = inherited.map(({ fd, from, kind, link, name }) => [`${fd}`, ref(from), kind, name ?? link ?? '?']);
  const others = unexplained.map(({ fd, kind, link, name }) => [`${fd}`, kind, name ?? link ?? '?']);
  const is = others.length === 1 ? 'is' : 'are';
  return [
    ...(rows.length === 0 ? [`${answer}.`] : [`${answer}:`, '', ...table(HEAD, rows, [0])]),
    ...(others.length === 0
      ? []
      : [
          '',
          `${plural(others.length, 'descriptor')} ${is} unexplained: given by somebody who has closed it since, or ended${isPartial ? ', or could not be looked at' : ''}, or opened by itself:`,
          '',
          ...table(['FD', 'KIND', 'FILE'], others, [0]),
        ]),
  ];
}

function numberOf(text: string): number {
  const fd = Number(text);
  if (fd >= 2 ** 31) throw new UsageError(`--allow ${text}: no descriptor has such a number`);
  return fd;
}

export const run: Command = (args, io) => {
  const parsed = parse('inherited', args, { from: { type: 'string' }, allow: { type: 'string', multiple: true } });
  expect('inherited', parsed.rest, 'PID');
  const pid = taskId(parsed.rest[0] ?? '');
  const from = parsed.value('from');
  const allow = parsed.values('allow').map((pattern) => (/^\d+$/.test(pattern) ? numberOf(pattern) : pattern));
  const own = { allow, ...(from === undefined ? {} : { from: taskId(from) }) };
  const report = withProgress(io, (options) => findInherited(pid, { ...own, ...options }));
  const partial = unseen(report.coverage).length > 0;
  // "Shares none" would be more than is known.
  if (parsed.flag('json')) printJson(io, report);
  else if (report.inherited.length + report.unexplained.length > 0 || !partial)
    printAnswer(io, text(report, from === undefined, allow.length > 0));
  tellPartial(io, report.coverage);
  if (report.inherited.length > 0) return 1;
  return partial || report.unexplained.length > 0 ? 2 : 0;
};
