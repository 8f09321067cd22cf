/** `kcmp epoll PID[:EFD]`: every target of an epoll instance, where its file really is, and who holds it. */
import { resolveEpoll, type EpollReport, type EpollTarget } from '../../index.ts';
import { epollGraph } from '../../draw/epoll-graph.ts';
import { GRAPH_LANGUAGES, render } from '../../draw/graph.ts';
import { listAllEpolls, resolveEpolls } from '../../inspect/epoll.ts';
import { freshness } from '../../inspect/epoll/freshness.ts';
import { readProcess } from '../../procfs/status.ts';
import { unseen } from '../../scan/coverage.ts';
import { list, plural } from '../../util/text.ts';
import { table } from '../output/table.ts';
import { choice, expect, fileOrTask, parse, UsageError } from '../args.ts';
import type { Command, ExitCode, Io } from '../io.ts';
import { tellPartial } from '../output/coverage.ts';
import { printJson } from '../output/json.ts';
import { named } from '../output/names.ts';
import { print, printAnswer, printAsWritten, tell, type Line } from '../output/print.ts';
import { withProgress } from '../output/progress.ts';
import { describe, explainStale, holdersText, sharedText } from '../output/stale.ts';

const WORDS = { fresh: 'live', stale: 'stale', undecided: 'undecided' } as const;

function sentence(report: EpollReport): string {
  const { pid, efd, targets } = report;
  const counts = (['fresh', 'stale', 'undecided'] as const).flatMap((wanted) => {
    const count = targets.filter((target) => freshness(target) === wanted).length;
    return count === 0 ? [] : [`${count} ${WORDS[wanted]}`];
  });
  const what = targets.length === 0 ? 'no targets' : `${plural(targets.length, 'target')}: ${list(counts)}`;
  const process = readProcess(pid);
  const who = process === pid ? named(pid) : `thread ${pid} of ${named(process)}`;
  return `fd ${efd} of ${who} is an epoll instance${sharedText(report)} with ${what}.`;
}

/** In short, and without the two that the kernel adds to every target. */
const events = ({ eventNames }: EpollTarget): string =>
  eventNames
    .filter((name) => name !== 'EPOLLERR' && name !== 'EPOLLHUP')
    .map((name) => name.replace(/^EPOLL/, ''))
    .join(',') || 'none';

const state = (target: EpollTarget): string => `${target.status}${target.numberReused ? ', number reused' : ''}`;

const stale = (line: string): Line => ({ line, as: 'stale' });

function text(report: EpollReport): Line[] {
  const rows = report.targets.map((target) => [
    `${target.tfd}`,
    events(target),
    state(target),
    describe(target),
    holdersText(target),
  ]);
  const isStale = report.targets.map((target) => freshness(target) === 'stale');
  const [head = '', ...lines] = table(['TFD', 'EVENTS', 'STATE', 'TARGET', 'HOLDERS'], rows, [0]);
  return [
    { line: sentence(report), as: 'answer' },
    ...(rows.length === 0 ? [] : ['', head]),
    ...lines.map((line, i) => (isStale[i] === true ? stale(line) : line)),
    ...report.targets.flatMap((target, i) => (isStale[i] === true ? ['', stale(explainStale(report, target))] : [])),
  ];
}

function codeOf(reports: EpollReport[], check: boolean): ExitCode {
  if (reports.length === 0) return 1;
  if (!check) return 0;
  const found = new Set(reports.flatMap(({ targets }) => targets.map(freshness)));
  return found.has('stale') ? 1 : found.has('undecided') ? 2 : 0;
}

function tellDoubts(io: Io, reports: EpollReport[]): void {
  const [widest] = reports.toSorted((a, b) => unseen(b.coverage).length - unseen(a.coverage).length);
  if (widest !== undefined) tellPartial(io, widest.coverage);
  const undecided = reports.flatMap(({ targets }) => targets.filter((target) => freshness(target) === 'undecided'));
  if (undecided.length > 0) {
    tell(
      io,
      `${plural(undecided.length, 'target')} could not be decided: the number is open, but whether as that file cannot be told; see kcmp doctor`,
    );
  }
  for (const { efd, stable } of reports) {
    if (!stable)
      tell(io, `the targets of fd ${efd} changed while they were looked at; ask again for a picture of one moment`);
  }
}

export const run: Command = (args, io) => {
  const parsed = parse('epoll', args, {
    check: { type: 'boolean' },
    exact: { type: 'boolean' },
    graph: { type: 'string' },
  });
  const language = choice('graph', parsed.value('graph'), GRAPH_LANGUAGES);
  if (language !== undefined && parsed.flag('json')) throw new UsageError('--graph and --json exclude one another');
  expect('epoll', parsed.rest, 'PID[:EFD]');
  const { pid, fd } = fileOrTask(parsed.rest[0] ?? '');
  const tables = fd === undefined ? listAllEpolls(pid) : [];
  const closed: number[] = [];
  const exact = parsed.flag('exact');
  const reports = withProgress(io, ({ onProgress }) => {
    const options = onProgress === undefined ? { exact } : { exact, onProgress };
    if (fd !== undefined) return [resolveEpoll(pid, fd, options)];
    return tables.flatMap(({ task, efds }) => {
      const all = resolveEpolls(task, efds, options);
      closed.push(...efds.filter((_, i) => all[i] === undefined));
      return all.filter((report) => report !== undefined);
    });
  });
  for (const efd of closed) tell(io, `the epoll instance fd ${efd} was closed meanwhile`);
  // One instance asked for: its report. All of a process: a list of reports, also where it has one.
  if (language !== undefined)
    printAsWritten(io, render(epollGraph(reports, { process: named, target: describe, state }), language));
  else if (parsed.flag('json')) printJson(io, fd === undefined ? reports : reports[0]);
  else if (reports.length === 0) printAnswer(io, [`${named(pid)} has no epoll instance.`]);
  else
    print(
      io,
      reports.flatMap((report, i) => [...(i > 0 ? [''] : []), ...text(report)]),
    );
  tellDoubts(io, reports);
  return codeOf(reports, parsed.flag('check'));
};
