/** `kcmp groups --deleted`: the deleted files that are but mapped, which no open file description shows. */
import type { GroupReport } from '../../index.ts';
import { findDeletedMappings } from '../../inspect/groups.ts';
import { readUser } from '../../procfs/processes.ts';
import { commandOf } from '../output/names.ts';
import { type Bytes, byRoom, deletedOf, type FoundReport, type Mapped, matches, type Search } from './search.ts';

/**
 * Adds those that are looked for: descriptors are shared with others, mappings are not.
 * @param all - the groups before any were left out
 * @param pids - whose mappings to look at; undefined: everybody's
 */
export function addMapped(
  report: FoundReport,
  all: GroupReport,
  search: Search,
  pids: readonly number[] | undefined,
): void {
  const { kinds, match, uid, min, inside } = search;
  // By descriptor few have what no group of so many holders shows.
  if (inside !== undefined || min > 1 || (kinds.length > 0 && !kinds.includes('regular'))) return;
  const open = new Map<string, Bytes>();
  deletedOf(all.groups, open);
  const { files, skipped } = findDeletedMappings(pids);
  const isWanted = ({ path, pids }: Mapped): boolean =>
    pids.length > 0 &&
    (uid === undefined || pids.some((pid) => readUser(pid) === uid)) &&
    (match === undefined || [path, ...pids.map(commandOf)].some((text) => matches(text, match)));
  report.mapped = files
    .filter(({ key }) => !open.has(key))
    .map(({ key: _, pids, ...file }) => ({ ...file, pids: pids.filter((pid) => pid !== process.pid) }))
    .filter(isWanted)
    .sort(byRoom);
  report.coverage = { ...report.coverage, skipped: [...report.coverage.skipped, ...skipped] };
}
