/** What `kcmp groups` says: how many there are, then each with who has it. */
import { byTask } from '../../draw/sharing-graph.ts';
import { bytes, describeFile, list, plural } from '../../util/text.ts';
import { type FoundGroup, type FoundReport, type Search, withinOf } from './search.ts';
import { elsewhereText } from '../output/elsewhere.ts';
import { named, PLAIN } from '../output/names.ts';

/** Names are asked once: a server may appear in a thousand groups. */
export function namer(): (pid: number) => string {
  const names = new Map<number, string>();
  return (pid) => {
    const name = names.get(pid) ?? named(pid);
    names.set(pid, name);
    return name;
  };
}

const nameOf = ({ kind, link, name }: FoundGroup): string => name ?? describeFile(kind, link);

/** `1 GiB (4 KiB allocated)` of a sparse file, which takes no more room than that. */
const sized = (size: number, allocated: number): string =>
  `${bytes(size)}${allocated < size ? ` (${bytes(allocated)} allocated)` : ''}`;

const title = (group: FoundGroup, i: number): string =>
  `${i + 1}. ${nameOf(group)}${typeof group.size === 'number' ? `, ${sized(group.size, group.allocated ?? group.size)}` : ''}`;

const MOST = ['no', 'a holder', 'two holders or more'];

/** `12 open file descriptions have two holders or more` */
function answer(
  { groups, deleted }: FoundReport,
  { kinds, match, uid, isDeleted, isLocked, min, inside }: Search,
): string {
  const number = deleted?.files ?? groups.length;
  const noun = isDeleted ? 'deleted file' : 'open file description';
  // One is enough where something else is told of them, and two where they are shared with somebody.
  const isPlain = min <= (isDeleted || isLocked ? 1 : 2) || (inside === undefined && !isDeleted && !isLocked);
  const held = isPlain ? '' : ` of ${MOST[min] ?? `${min} holders or more`}`;
  const count = `${number === 0 ? `No ${noun}` : plural(number, noun)}${held}`;
  const isSearched = kinds.length > 0 || match !== undefined || uid !== undefined;
  const such = isSearched ? (number <= 1 ? ' that matches' : ' that match') : '';
  const [is, has, keeps] = number <= 1 ? ['is', 'has', 'keeps'] : ['are', 'have', 'keep'];
  const { bytes: total = 0, allocated = 0 } = deleted ?? {};
  const what = [
    ...(isDeleted ? [`${is} open${total > 0 ? `, with ${sized(total, allocated)} in all` : ''}`] : []),
    ...(isLocked ? [`${keeps} a lock`] : []),
    ...(inside === undefined ? [] : [`${is} shared with processes outside`]),
  ];
  return `${count}${such} ${what.length > 0 ? list(what) : `${has} ${MOST[min] ?? `${min} holders or more`}`}`;
}

const isLoop = ({ device }: { device: string }): boolean => device.startsWith('/dev/');

/** What no descriptor has. */
const besides = ({ length }: readonly unknown[], one: string, many = one): string =>
  length === 0 ? '' : `; ${length === 1 ? `1 is only ${one}` : `${length} are only ${many}`}`;

/** How many descriptions of each there are, in one line. */
function gathered(groups: readonly FoundGroup[]): string[] {
  if (groups.length === 0) return [];
  const links = [...new Set(groups.map(({ link }) => link))].toSorted();
  const each = links.map((link) => `${groups.filter((group) => group.link === link).length} of ${link}`);
  return ['', `Besides, ${plural(groups.length, 'description')} of no meaning: ${list(each)}; --match lists them.`];
}

export function groupsText(report: FoundReport, search: Search): string[] {
  const { groups, sharedTables, coverage, unkept = 0, mapped = [], backs = [], elsewhere = [] } = report;
  const { kinds, match, inside, isDeleted, isLocked } = search;
  const name = namer();
  const isWithin = inside === undefined ? () => true : withinOf(inside);
  const isOutside = (pid: number): string => (isWithin(pid) ? '' : ', outside');
  const shared = new Map(sharedTables.map(({ pid, sharedWith }) => [pid, sharedWith]));
  const allOf = (pid: number): number[] => [pid, ...(inside === undefined ? [] : (shared.get(pid) ?? []))];
  const isAskedFor = kinds.length > 0 || match !== undefined || isDeleted || isLocked;
  const isPlain = ({ link }: FoundGroup): boolean => !isAskedFor && PLAIN.has(link);
  return [
    `${answer(report, search)} among ${plural(coverage.processes, 'process', 'processes')}${besides(mapped, 'mapped')}${besides(backs.filter(isLoop), 'a loop device', 'loop devices')}${besides(
      backs.filter((one) => !isLoop(one)),
      'mounted',
    )}.`,
    ...groups
      .filter((group) => !isPlain(group))
      .flatMap((group, i) => [
        '',
        title(group, i),
        ...[...byTask(group.holders)].flatMap(([id, fds]) =>
          allOf(id).map(
            (pid) => `   ${name(pid)}${isOutside(pid)}: ${fds.length === 1 ? 'fd' : 'fds'} ${fds.join(', ')}`,
          ),
        ),
      ]),
    ...mapped.flatMap(({ path, size, allocated, pids }) => [
      '',
      `Only mapped: deleted file ${path}${size === null ? '' : `, ${sized(size, allocated ?? size)}`}`,
      ...pids.map((pid) => `   ${name(pid)}`),
    ]),
    ...backs.flatMap(({ path, device, size }) => ['', `Only ${device}: deleted file ${path}, ${bytes(size ?? 0)}`]),
    ...(elsewhere.length === 0 ? [] : ['', `A deleted file may be elsewhere: ${elsewhereText(elsewhere)}.`]),
    ...gathered(groups.filter(isPlain)),
    ...(unkept > 0
      ? [
          '',
          `Besides, ${plural(unkept, 'lock')} ${unkept === 1 ? 'is' : 'are'} kept by no descriptor that was seen; kcmp who PATH tells of a file's.`,
        ]
      : []),
    ...(sharedTables.length === 0 ? [] : ['']),
    ...sharedTables.map(
      ({ pid, sharedWith }) =>
        `${name(pid)} has its whole descriptor table in common with ${list(sharedWith.map(name))}.`,
    ),
  ];
}
