/**
 * Who has a file mapped. A mapping keeps the description that it was made from, and its lock, when every descriptor is
 * closed; which description of the inode that was, nobody is told.
 */
import { type FileStat, inodeKey, isSameInode, listDescriptors, readLink } from '../../procfs/fd.ts';
import { DELETED } from '../../procfs/link.ts';
import { isBelow, type Mount } from '../../procfs/kind/mountinfo.ts';
import { type Mapping, readFileMappings, readMappings, readMappingsOn, statMapping } from '../../procfs/maps.ts';
import { seen } from '../../procfs/raw/statx.ts';
import { mayKeepMappings } from '../../scan/busy.ts';
import { processesOf } from '../../scan/shared-tables.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Scan } from '../../scan/tables.ts';

/** The processes that have it mapped; who could not be looked at is counted as skipped. */
export function mappedBy(scan: Scan, link: string, inode: FileStat): Steps<number[]> {
  return whoMapsIn(scan, (pid) => maps(pid, inode.ino, link, (mapping) => isOf(pid, mapping, link, inode)));
}

/** The same of a path, and the processes that have a file mapped that had this name and was deleted. */
export function* mappedAt(
  scan: Scan,
  path: string,
  inode: FileStat,
  isFormer: (stat: FileStat) => boolean,
  isIt: (stat: FileStat) => boolean,
): Steps<{ now: number[]; before: number[] }> {
  const before: number[] = [];
  const isBefore = (pid: number, mapping: Mapping): boolean => {
    if (mapping.link !== path + DELETED) return false;
    const stat = statMapping(pid, mapping);
    return typeof stat === 'string' ? mapping.dev === inode.dev : isFormer(stat);
  };
  const now = yield* whoMapsIn(scan, (pid) => {
    const mappings = readMappings(pid, inode.ino, path);
    if (typeof mappings === 'string') return false;
    if (mappings.some((mapping) => isBefore(pid, mapping))) before.push(pid);
    return mappings.some((mapping) => isOf(pid, mapping, path, inode, isIt));
  });
  return { now, before };
}

/**
 * The processes that have a file mapped of which only the text of its link is known.
 * @param isIt - whether one that has this text may be it
 */
export const mappedAs = (scan: Scan, link: string, isIt: (stat: FileStat) => boolean = () => true): Steps<number[]> =>
  whoMapsIn(scan, (pid) =>
    maps(pid, 0n, link, (mapping) => {
      const stat = mapping.link === link ? statMapping(pid, mapping) : undefined;
      return stat !== undefined && (typeof stat === 'string' || isIt(stat));
    }),
  );

/**
 * By {@link inodeKey}: the processes that have it mapped, of some inodes. Of the kernel's one anonymous inode it is possible
 * only, and nothing where they have a descriptor of that kind as well.
 */
export function* mappedAmong(
  scan: Scan,
  keys: ReadonlySet<string>,
): Steps<Map<string, Map<number, 'inode' | 'possible'>>> {
  const found = new Map<string, Map<number, 'inode' | 'possible'>>();
  yield* whoMapsIn(scan, (pid) => {
    const mappings = readFileMappings(pid);
    for (const { dev, ino, link } of typeof mappings === 'string' ? [] : mappings) {
      const key = inodeKey(dev, ino);
      const isShared = link.startsWith('anon_inode:');
      if (!keys.has(key) || (isShared && hasOpen(pid, link))) continue;
      const mappers = found.get(key) ?? new Map<number, 'inode' | 'possible'>();
      found.set(key, mappers.set(pid, isShared ? 'possible' : 'inode'));
    }
    return false;
  });
  return found;
}

function hasOpen(pid: number, link: string): boolean {
  const fds = listDescriptors(pid);
  return typeof fds !== 'string' && fds.some((fd) => readLink(pid, fd) === link);
}

/** The processes that have anything of a filesystem mapped, or of the part of it that is mounted there. */
export const mappedOn = (scan: Scan, dev: number, part?: Mount): Steps<number[]> =>
  whoMapsIn(scan, (pid) => {
    const mappings = readMappingsOn(pid, dev);
    return typeof mappings !== 'string' && mappings.some((mapping) => part === undefined || isBy(pid, mapping, part));
  });

/** By which mount it was mapped only the privileged may ask; the name tells that mostly. */
function isBy(pid: number, mapping: Mapping, mount: Mount): boolean {
  const isAsked = typeof statMapping(pid, mapping) !== 'string';
  return isAsked ? seen.mount() === mount.id : isBelow(mount, mapping.link);
}

/** Refused is only who could not be scanned either, and who has ended has nothing mapped. */
function maps(pid: number, ino: bigint, link: string, isIt: (mapping: Mapping) => boolean): boolean {
  const mappings = readMappings(pid, ino, link);
  return typeof mappings !== 'string' && mappings.some(isIt);
}

const whoMapsIn = ({ tables, account }: Scan, isIt: (pid: number) => boolean): Steps<number[]> =>
  whoMaps(processesOf(tables), account, isIt);

/** The processes of which something is true that their mappings tell; whose may be locked is counted as skipped. */
export function* whoMaps(
  pids: ReadonlySet<number>,
  account: Pick<Scan['account'], 'skip'>,
  isIt: (pid: number) => boolean,
): Steps<number[]> {
  const found: number[] = [];
  let asked = 0;
  for (const pid of pids) {
    yield asked++ / pids.size;
    if (yield* mayKeepMappings(pid)) {
      account.skip(pid, 'EBUSY', 'process');
      continue;
    }
    if (isIt(pid)) found.push(pid);
  }
  return found;
}

function isOf(
  pid: number,
  mapping: Mapping,
  link: string,
  inode: FileStat,
  isIt: (stat: FileStat) => boolean = (stat) => isSameInode(stat, inode),
): boolean {
  const stat = statMapping(pid, mapping);
  if (typeof stat !== 'string') return isIt(stat);
  // The device is another one on btrfs, but hardly the name as well.
  return mapping.ino === inode.ino && (mapping.dev === inode.dev || mapping.link === link);
}
