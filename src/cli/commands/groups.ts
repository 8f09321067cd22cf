/** `kcmp groups`: the open file descriptions that several descriptors refer to, or those that are looked for. */
import { groupFiles } from '../../index.ts';
import { GRAPH_LANGUAGES, render } from '../../draw/graph.ts';
import { sharingGraph } from '../../draw/sharing-graph.ts';
import { isListed, treeOf } from '../../procfs/processes.ts';
import { atLeast, choice, parse, type Parsed, taskId, UsageError } from '../args.ts';
import { type Search, searched } from '../groups/search.ts';
import type { Command } from '../io.ts';
import { scanCode, tellPartial } from '../output/coverage.ts';
import { groupsText, namer } from '../groups/text.ts';
import { printJson } from '../output/json.ts';
import { uidOf } from '../output/names.ts';
import { groupsWithoutUs } from '../output/observer.ts';
import { print, printAnswer, tell } from '../output/print.ts';
import { withProgress } from '../output/progress.ts';

const KINDS =
  'regular directory symlink pipe fifo socket tty character-device block-device eventpoll eventfd timerfd signalfd inotify ' +
  'fanotify userfaultfd io_uring memfd message-queue pidfd anonymous namespace unknown';

/** What is looked for; one holder is enough where the description itself is of interest. */
function searchOf(parsed: Parsed, inside: readonly number[]): Search {
  const [isDeleted, isLocked] = [parsed.flag('deleted'), parsed.flag('locked')];
  const [min, user] = [parsed.value('min'), parsed.value('user')];
  const uid = user === undefined ? undefined : uidOf(user);
  if (user !== undefined && uid === undefined)
    throw new UsageError(`--user ${user}: there is no such user in /etc/passwd`);
  if (parsed.flag('outside') && inside.length === 0) throw new UsageError('--outside needs a PID, or --tree PID');
  return {
    kinds: parsed.values('kind').map((kind) => choice('kind', kind, KINDS.split(' '))?.replace('-', ' ') ?? kind),
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
    tree: { type: 'string' },
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
  if (language !== undefined && parsed.flag('json')) throw new UsageError('--graph and --json exclude each other');
  const tree = parsed.value('tree');
  const roots = [...parsed.rest, ...(tree === undefined ? [] : [tree])].map(taskId);
  const missing = roots.filter((pid) => !isListed(pid));
  const pids = tree === undefined ? roots : [...new Set([...roots, ...treeOf(taskId(tree))])];
  const search = searchOf(parsed, pids);
  for (const pid of missing) tell(io, `there is no process ${pid}, or /proc hides it`);
  if (missing.length > 0 && missing.length === roots.length) return 2;
  const isEverywhere = roots.length === 0 || search.inside !== undefined;
  const minHolders = search.min;
  const all = withProgress(io, (options) =>
    isEverywhere
      ? groupsWithoutUs(groupFiles({ ...options, minHolders }), minHolders)
      : groupFiles({ ...options, minHolders, pids }),
  );
  const report = searched(all, search);
  if (language !== undefined) print(io, render(sharingGraph(report, namer()), language));
  else if (parsed.flag('json')) printJson(io, report);
  else printAnswer(io, groupsText(report, search));
  tellPartial(io, report.coverage);
  return missing.length > 0 ? 2 : scanCode(report.groups.length > 0, report.coverage);
};
