/** What `kcmp groups` says: how many there are, then each with who has it. */
import { byTask } from '../../draw/sharing-graph.ts';
import { bytes, describeFile, list, plural } from '../../util/text.ts';
import type { FoundGroup, FoundReport, Search } from './search.ts';
import { named } from '../output/names.ts';

/** Names are asked once: a server may appear in a thousand groups. */
export function namer(): (pid: number) => string {
  const names = new Map<number, string>();
  return (pid) => {
    const name = names.get(pid) ?? named(pid);
    names.set(pid, name);
    return name;
  };
}

/** Whoever has one of these has nothing in common with others by it. */
const PLAIN: ReadonlySet<string | null> = new Set(
  ['null', 'zero', 'full', 'random', 'urandom'].map((name) => `/dev/${name}`),
);
const nameOf = ({ kind, link, name }: FoundGroup): string => name ?? describeFile(kind, link);

const title = (group: FoundGroup): string =>
  `${group.id}. ${nameOf(group)}${group.size === undefined || group.size === null ? '' : `, ${bytes(group.size)}`}`;

const MOST = ['no', 'a holder', 'two holders or more'];

/** `12 open file descriptions have two holders or more` */
function answer(
  groups: readonly FoundGroup[],
  { kinds, match, uid, isDeleted, isLocked, min, inside }: Search,
): string {
  const isOne = groups.length === 1;
  const noun = isDeleted ? 'deleted file' : 'open file description';
  const count = groups.length === 0 ? `No ${noun}` : plural(groups.length, noun);
  const isSearched = kinds.length > 0 || match !== undefined || uid !== undefined;
  const such = isSearched ? (isOne || groups.length === 0 ? ' that matches' : ' that match') : '';
  const [is, has, keeps] = isOne || groups.length === 0 ? ['is', 'has', 'keeps'] : ['are', 'have', 'keep'];
  const total = groups.reduce((sum, { size }) => sum + (size ?? 0), 0);
  const what = [
    ...(isDeleted ? [`${is} open${total > 0 ? `, with ${bytes(total)} in all` : ''}`] : []),
    ...(isLocked ? [`${keeps} a lock`] : []),
    ...(inside === undefined ? [] : [`${is} shared with processes outside`]),
  ];
  return `${count}${such} ${what.length > 0 ? list(what) : `${has} ${MOST[min] ?? `${min} holders or more`}`}`;
}

/** How many descriptions of each there are, in one line. */
function gathered(groups: readonly FoundGroup[]): string[] {
  if (groups.length === 0) return [];
  const links = [...new Set(groups.map(({ link }) => link))].toSorted();
  const each = links.map((link) => `${groups.filter((group) => group.link === link).length} of ${link}`);
  return ['', `Besides, ${plural(groups.length, 'description')} of no meaning: ${list(each)}; --match lists them.`];
}

export function groupsText(report: FoundReport, search: Search): string[] {
  const { groups, sharedTables, coverage } = report;
  const { kinds, match, inside, isDeleted, isLocked } = search;
  const name = namer();
  const isOutside = (pid: number): string => (inside === undefined || inside.has(pid) ? '' : ', outside');
  const isAskedFor = kinds.length > 0 || match !== undefined || isDeleted || isLocked;
  const isPlain = ({ link }: FoundGroup): boolean => !isAskedFor && PLAIN.has(link);
  return [
    `${answer(groups, search)} among ${plural(coverage.processes, 'process', 'processes')}.`,
    ...groups
      .filter((group) => !isPlain(group))
      .flatMap((group) => [
        '',
        title(group),
        ...[...byTask(group.holders)].map(
          ([pid, fds]) => `   ${name(pid)}${isOutside(pid)}: ${fds.length === 1 ? 'fd' : 'fds'} ${fds.join(', ')}`,
        ),
      ]),
    ...gathered(groups.filter(isPlain)),
    ...(sharedTables.length === 0 ? [] : ['']),
    ...sharedTables.map(
      ({ pid, sharedWith }) =>
        `${name(pid)} has its whole descriptor table in common with ${list(sharedWith.map(name))}.`,
    ),
  ];
}
