/** Deleted files that somebody has mapped: they take room until nobody has, also when every descriptor is closed. */
import { type FileStat, inodeKey } from '../../procfs/fd.ts';
import { withoutDeleted } from '../../procfs/link.ts';
import { type Mapping, readDeletedMappings, statMapping } from '../../procfs/maps.ts';
import { listProcesses } from '../../procfs/processes.ts';
import { locate } from '../../procfs/raw/path.ts';
import { Account, type Skipped } from '../../scan/coverage.ts';
import type { Steps } from '../../scan/steps.ts';
import { scan } from '../../scan/tables.ts';
import { type Carrier, carriersIn, lookAloft } from '../elsewhere/aloft.ts';
import { whoMaps } from '../elsewhere/mapped.ts';

/** A file that has no name any more. */
export interface DeletedMapping {
  /** By {@link inodeKey}. */
  key: string;
  /** The name that it had. */
  path: string;
  /** Bytes, and how many of them take room; null where that may not be asked. */
  size: number | null;
  allocated: number | null;
  /** Who has it mapped. */
  pids: number[];
}

/** Memory of the kernel's own filesystem, which never had a name on any other. Source: shmem_kernel_file_setup() of mm/shmem.c. */
const UNNAMED = /^\/(?:memfd:|SYSV[\da-f]{8} |dev\/zero |\[aio\] |anon_hugepage |drm mm object |i915 )/;

/** @param pids - whose mappings to look at; undefined: everybody's */
export function* deletedMappings(
  pids: readonly number[] = listProcesses(),
): Steps<{ files: DeletedMapping[]; skipped: Skipped[] }> {
  const files = new Map<string, DeletedMapping>();
  const account = new Account();
  yield* whoMaps(new Set(pids), account, (pid) => {
    const mappings = readDeletedMappings(pid);
    // Refused is whose descriptors are as well.
    for (const mapping of typeof mappings === 'string' ? [] : mappings) {
      const found = fileOf(pid, mapping);
      if (found === undefined) continue;
      const file = files.get(found.key) ?? found;
      files.set(found.key, file);
      if (!file.pids.includes(pid)) file.pids.push(pid);
    }
    return false;
  });
  return { files: [...files.values()], skipped: account.skipped };
}

/** Undefined where it has a name. */
function fileOf(pid: number, mapping: Mapping): DeletedMapping | undefined {
  if (UNNAMED.test(mapping.link)) return undefined;
  const stat = statMapping(pid, mapping);
  const path = withoutDeleted(mapping.link);
  if (typeof stat !== 'string') return hasName(stat) ? undefined : { ...keyed(stat, path), ...bytesOf(stat) };
  // A file may be called `x (deleted)`.
  const named = locate(mapping.link);
  if (typeof named !== 'string' && named.stat.ino === mapping.ino) return undefined;
  return { ...keyed(mapping, path), size: null, allocated: null };
}

const hasName = ({ more }: FileStat): boolean => more !== undefined && more.nlink > 0;

const keyed = (
  { dev, ino }: Pick<FileStat, 'dev' | 'ino'>,
  path: string,
): Pick<DeletedMapping, 'key' | 'path' | 'pids'> => ({ key: inodeKey(dev, ino), path, pids: [] });

const bytesOf = ({ more }: FileStat): Pick<DeletedMapping, 'size' | 'allocated'> => ({
  size: more === undefined ? null : Number(more.size),
  allocated: more === undefined ? null : Number(more.allocated),
});

/** How the kernel writes it where it tells which files an io_uring instance has; older ones tell names alone. */
const IS_DELETED = /\\040\(deleted\)$|^ *\d+: (?![/<]|\w+:\[|anon_inode:)/m;

/** Where a file may be that nobody has open or mapped: in flight, or registered with an io_uring instance. */
export function* mayHaveDeleted(): Steps<Carrier[]> {
  return carriersIn(yield* lookAloft(yield* scan(undefined)), (text) => (IS_DELETED.test(text) ? 'possible' : 'no'));
}
