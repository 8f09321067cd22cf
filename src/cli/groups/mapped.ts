/** `kcmp groups --deleted`: the deleted files that are but mapped, mounted, or loop devices, which no open file description shows. */
import type { GroupReport } from '../../index.ts';
import { findDeletedAloft, findDeletedMappings } from '../../inspect/groups.ts';
import { readLoopFiles, readSize } from '../../procfs/kind/backing.ts';
import { readMounts } from '../../procfs/kind/mountinfo.ts';
import { S_IFMT, S_IFREG } from '../../procfs/kind.ts';
import { inodeKey } from '../../procfs/fd.ts';
import { DELETED, withoutDeleted } from '../../procfs/link.ts';
import { readUser } from '../../procfs/processes.ts';
import { locate } from '../../procfs/raw/path.ts';
import { commandOf } from '../output/names.ts';
import {
  type Backs,
  type Bytes,
  byRoom,
  deletedOf,
  type FoundReport,
  type Mapped,
  matches,
  type Search,
} from './search.ts';
import { Aside } from './still.ts';

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
  const { kinds, match, uid, min, inside, isLocked } = search;
  // By descriptor few have what no group of so many holders shows.
  if (inside !== undefined || min > 1 || isLocked || (kinds.length > 0 && !kinds.includes('regular'))) return;
  const open = new Map<string, Bytes>();
  deletedOf(all.groups, open, new Aside());
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
  if (pids === undefined && uid === undefined)
    report.backs = [
      ...deletedBacks(all, match),
      ...deletedMounts(new Set([...open.keys(), ...files.map(({ key }) => key)]), match),
    ];
  // What was found may be the least of it.
  if (pids === undefined) report.elsewhere = findDeletedAloft();
  report.coverage = { ...report.coverage, skipped: [...report.coverage.skipped, ...skipped] };
}

/** Those that nobody has open besides; a file may be called `x (deleted)`. */
const deletedBacks = ({ groups }: GroupReport, match: string | undefined): Backs[] =>
  readLoopFiles()
    .filter(
      ({ file }) =>
        file.endsWith(DELETED) && !groups.some(({ link }) => link === file) && typeof locate(file) === 'string',
    )
    .filter(
      ({ file, device }) => match === undefined || [withoutDeleted(file), device].some((text) => matches(text, match)),
    )
    .map((one) => ({ path: withoutDeleted(one.file), device: one.device, size: readSize(one), allocated: null }));

/** How mountinfo says that what is mounted has no name any more. Source: seq_dentry() of fs/seq_file.c. */
const UNNAMED = '//deleted';

/** Those that are mounted where this process sees it, as a file may be on another, and nobody has open or mapped. */
function deletedMounts(known: ReadonlySet<string>, match: string | undefined): Backs[] {
  const mounts = readMounts(process.pid);
  return (typeof mounts === 'string' ? [] : mounts).flatMap(({ root, point }): Backs[] => {
    const located = root.endsWith(UNNAMED) ? locate(point) : 'ENOENT';
    if (typeof located === 'string' || (located.stat.mode & S_IFMT) !== S_IFREG) return [];
    const { dev, ino, more } = located.stat;
    const [path, device] = [root.slice(0, -UNNAMED.length), `the mount at ${point}`];
    const isWanted = match === undefined || [path, device].some((text) => matches(text, match));
    // Another may be mounted over it by now.
    if (!isWanted || known.has(inodeKey(dev, ino)) || more === undefined || more.nlink > 0) return [];
    return [{ path, device, size: Number(more.size), allocated: Number(more.allocated) }];
  });
}
