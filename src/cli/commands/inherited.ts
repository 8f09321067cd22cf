/** `kcmp inherited PID`: the descriptors beyond 0, 1 and 2 that a process shares with its parent. */
import { findInherited, type InheritedReport } from '../../index.ts';
import { unseen } from '../../scan/coverage.ts';
import { plural, ref } from '../../util/text.ts';
import { table } from '../output/table.ts';
import { expect, parse, taskId } from '../args.ts';
import type { Command } from '../io.ts';
import { tellPartial } from '../output/coverage.ts';
import { printJson } from '../output/json.ts';
import { named } from '../output/names.ts';
import { printAnswer } from '../output/print.ts';
import { withProgress } from '../output/progress.ts';

/** @param isParent - whom it was compared with without being told so */
function text({ pid, from, inherited }: InheritedReport, isParent: boolean): string[] {
  const whom = `${isParent ? 'its parent ' : ''}${named(from)}`;
  const what = inherited.length === 0 ? 'no descriptor' : plural(inherited.length, 'descriptor');
  const answer = `${named(pid)} shares ${what} beyond 0, 1 and 2 with ${whom}`;
  if (inherited.length === 0) return [`${answer}.`];
  return [
    `${answer}:`,
    '',
    ...table(
      ['FD', 'FROM', 'KIND', 'FILE'],
      inherited.map(({ fd, from, kind, link, name }) => [`${fd}`, ref(from), kind, name ?? link ?? '?']),
      [0],
    ),
  ];
}

export const run: Command = (args, io) => {
  const parsed = parse('inherited', args, { from: { type: 'string' }, allow: { type: 'string', multiple: true } });
  expect('inherited', parsed.rest, 'PID');
  const pid = taskId(parsed.rest[0] ?? '');
  const from = parsed.value('from');
  const allow = parsed.values('allow').map((pattern) => (/^\d+$/.test(pattern) ? Number(pattern) : pattern));
  const own = { allow, ...(from === undefined ? {} : { from: taskId(from) }) };
  const report = withProgress(io, (options) => findInherited(pid, { ...own, ...options }));
  const partial = unseen(report.coverage).length > 0;
  // "Shares none" would be more than is known.
  if (parsed.flag('json')) printJson(io, report);
  else if (report.inherited.length > 0 || !partial) printAnswer(io, text(report, from === undefined));
  tellPartial(io, report.coverage);
  if (report.inherited.length > 0) return 1;
  return partial ? 2 : 0;
};
