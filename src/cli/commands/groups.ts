/** `kcmp groups`: the open file descriptions that several descriptors refer to, or those that are looked for. */
import { groupFiles, type GroupReport } from '../../index.ts';
import { GRAPH_LANGUAGES, render } from '../../draw/graph.ts';
import { sharingGraph } from '../../draw/sharing-graph.ts';
import { isListed, treeOf } from '../../procfs/processes.ts';
import { atLeast, choice, parse, type Parsed, taskId, UsageError } from '../args.ts';
import { KINDS } from '../globals.ts';
import { addMapped } from '../groups/mapped.ts';
import { type FoundReport, isForLocksAlone, type Search, searched, unkeptLocks } from '../groups/search.ts';
import { Aside } from '../groups/still.ts';
import type { Command } from '../io.ts';
import { scanCode, tellPartial } from '../output/coverage.ts';
import { groupsText, namer } from '../groups/text.ts';
import { printJson } from '../output/json.ts';
import { uidOf } from '../output/names.ts';
import { groupsWithoutUs } from '../output/observer.ts';
import { printAnswer, printAsWritten, tell } from '../output/print.ts';
import { withProgress } from '../output/progress.ts';

/** So often all is looked at anew for what has moved on before it was asked about. */
const ATTEMPTS = 3;

/** What is looked for; one holder is enough where the description itself is of interest. */
function searchOf(parsed: Parsed, inside: readonly number[]): Search {
  const [isDeleted, isLocked] = [parsed.flag('deleted'), parsed.flag('locked')];
  const [min, user] = [parsed.value('min'), parsed.value('user')];
  const uid = user === undefined ? undefined : uidOf(user);
  if (user !== undefined && uid === undefined)
    throw new UsageError(`--user ${user}: there is no such user in /etc/passwd`);
  if (parsed.flag('outside') && inside.length === 0) throw new UsageError('--outside needs a PID, or --tree PID');
  return {
    kinds: parsed.values('kind').map((kind) => choice('kind', kind, KINDS)?.replace('-', ' ') ?? kind),
    match: parsed.value('match'),
    uid,
    isDeleted,
    isLocked,
    min: min === undefined ? (isDeleted || isLocked ? 1 : 2) : atLeast('min', min, 1),
    inside: parsed.flag('outside') ? new Set(inside) : undefined,
  };
}

export const run: Command = (args, io) => {
  const parsed = parse('groups', args, {
    tree: { type: 'string', multiple: true },
    graph: { type: 'string' },
    outside: { type: 'boolean' },
    kind: { type: 'string', multiple: true },
    match: { type: 'string' },
    user: { type: 'string' },
    deleted: { type: 'boolean' },
    locked: { type: 'boolean' },
    min: { type: 'string' },
  });
  const language = choice('graph', parsed.value('graph'), GRAPH_LANGUAGES);
  if (language !== undefined && parsed.flag('json')) throw new UsageError('--graph and --json exclude one another');
  const trees = parsed.values('tree').map(taskId);
  const roots = [...parsed.rest.map(taskId), ...trees];
  const missing = roots.filter((pid) => !isListed(pid));
  // The shell that is asked about has this process below it.
  const below = trees.flatMap(treeOf).filter((pid) => pid !== process.pid);
  const pids = [...new Set([...roots, ...below])];
  const search = searchOf(parsed, pids);
  for (const pid of missing) tell(io, `there is no process ${pid}, or /proc hides it`);
  if (missing.length > 0 && missing.length === roots.length) return 2;
  const isEverywhere = roots.length === 0 || search.inside !== undefined;
  const look = (minHolders: number): GroupReport =>
    withProgress(io, (options) =>
      isEverywhere
        ? groupsWithoutUs(groupFiles({ ...options, minHolders }), minHolders)
        : groupFiles({ ...options, minHolders, pids }),
    );
  const ask = (minHolders: number): { all: GroupReport; aside: Aside; report: FoundReport } => {
    const [all, aside] = [look(minHolders), new Aside()];
    return { all, aside, report: searched(all, search, aside) };
  };
  let found = ask(search.min);
  for (let attempt = 1; found.aside.isAnyLost && attempt < ATTEMPTS; attempt++) found = ask(search.min);
  if (search.isDeleted) addMapped(found.report, found.all, search, isEverywhere ? undefined : pids);
  // Whoever shares a table has all of it, of which each descriptor counts once.
  if (search.inside !== undefined && found.report.sharedTables.length > 0) found = ask(1);
  const { report, aside } = found;
  if (roots.length === 0 && isForLocksAlone(search)) report.unkept = unkeptLocks(aside.locked);
  report.coverage = aside.countIn(report.coverage);
  if (language !== undefined) printAsWritten(io, render(sharingGraph(report, namer()), language));
  else if (parsed.flag('json')) printJson(io, report);
  else printAnswer(io, groupsText(report, search));
  tellPartial(io, report.coverage);
  if (report.groups.length === 0 && (report.unkept ?? 0) > 0) return 2;
  const isFound = report.groups.length + (report.mapped?.length ?? 0) + (report.backs?.length ?? 0) > 0;
  if (!isFound && (report.elsewhere?.length ?? 0) > 0) return 2;
  return missing.length > 0 ? 2 : scanCode(isFound, report.coverage);
};
