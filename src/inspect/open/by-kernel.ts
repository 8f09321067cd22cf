/** What the kernel itself has of a filesystem, a file or a device: mounts of other filesystems, loop devices, swap space. */
import { type FileStat, isSameInode } from '../../procfs/fd.ts';
import { readLoopFiles, readSwapFiles } from '../../procfs/kind/backing.ts';
import { kindOf, S_IFDIR } from '../../procfs/kind.ts';
import { DELETED } from '../../procfs/link.ts';
import { isBelow, type Mount, readMounts } from '../../procfs/kind/mountinfo.ts';
import { hasLayerOn } from '../../procfs/kind/overlay.ts';
import { locate } from '../../procfs/raw/path.ts';
import { processesOf } from '../../scan/shared-tables.ts';
import { settle } from '../../scan/settle.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Scan } from '../../scan/tables.ts';
import type { Elsewhere } from '../elsewhere.ts';
import { mappedOn } from '../elsewhere/mapped.ts';
import { OpenSearch } from './search.ts';
import type { Sought } from './sought.ts';
import { type Used, usesOf } from './uses.ts';

const told = (how: Elsewhere['how'], name: string): Elsewhere => ({ how, pid: null, name, sure: 'inode' });

/** @param inode - of what is there now; undefined when nothing is */
export function* keptByKernel(
  scan: Scan,
  path: string,
  inode: FileStat | undefined,
  mount: Mount | undefined,
): Steps<Elsewhere[]> {
  if (mount !== undefined) return keptOn(mount);
  const isFormer = (file: string): boolean => file === path + DELETED;
  if (inode === undefined) return backedBy((file) => (isFormer(file) ? {} : undefined));
  const kind = kindOf(null, inode.mode);
  if (kind !== 'block device' && kind !== 'regular') return [];
  const point = kind === 'block device' ? yield* mountOf(scan, inode.rdev) : undefined;
  const usedAs = (file: string): Used | undefined => {
    if (isFormer(file)) return { deleted: true };
    return file === path || isSame(locate(file), inode) ? {} : undefined;
  };
  const mounts = point === undefined ? [] : [told('mount', point)];
  const isLost = kind === 'block device' && mounts.length === 0;
  return [...mounts, ...(isLost ? yield* keepersOf(scan, inode.rdev) : []), ...backedBy(usedAs)];
}

/** Who has something of a filesystem that is mounted nowhere any more, by which the device is in use all the same. */
function* keepersOf(scan: Scan, dev: number): Steps<Elsewhere[]> {
  const inode = { dev, ino: 0n, mode: S_IFDIR, rdev: 0 };
  const mount = { id: 0, parent: 0, dev, root: '/', point: '', type: '', source: '', options: '' };
  const lost: Sought = { links: new Set(), inode, mount };
  const search = new OpenSearch(lost, scan);
  search.count(yield* settle(scan, (open) => search.look(open)));
  const open = (yield* search.hits()).map(({ table }) => table.id);
  const uses = (yield* usesOf(scan, lost)).map(({ pid }) => pid as number);
  const pids = new Set([...open, ...uses, ...(yield* mappedOn(scan, dev))]);
  return [...pids].sort((a, b) => a - b).map((pid) => ({ how: 'mount', pid, sure: 'inode' }));
}

/** The loop devices and the swap space that some files are. */
const backedBy = (usedAs: (file: string) => Used | undefined): Elsewhere[] =>
  [
    ...readLoopFiles().map(({ file, device }) => ({ file, entry: told('loop', device) })),
    ...readSwapFiles().map((file) => ({ file, entry: told('swap', file) })),
  ].flatMap(({ file, entry }) => {
    const used = usedAs(file);
    return used === undefined ? [] : [{ ...entry, ...used }];
  });

const isSame = (located: ReturnType<typeof locate>, inode: FileStat): boolean =>
  typeof located !== 'string' && isSameInode(located.stat, inode);

/**
 * Where a device is mounted: anywhere, since another mount namespace has mounts of its own. A filesystem of several devices,
 * as btrfs, has a number of its own, and names one of them.
 */
function* mountOf({ tables }: Scan, device: number): Steps<string | undefined> {
  for (const pid of processesOf(tables).add(process.pid)) {
    yield;
    const mounts = readMounts(pid);
    const found =
      typeof mounts === 'string' ? undefined : mounts.find((mount) => mount.dev === device || isMountOf(mount, device));
    if (found !== undefined) return found.point;
  }
  return undefined;
}

/** By what it is of, where it has a number of its own: the path of a device, looked up as any other. */
function isMountOf({ dev, source }: Mount, device: number): boolean {
  if (dev >>> 20 !== 0 || !source.startsWith('/dev/')) return false;
  const located = locate(source);
  return typeof located !== 'string' && located.stat.rdev === device;
}

/** Of a filesystem. */
function keptOn(mount: Mount): Elsewhere[] {
  const mounts = readMounts(process.pid);
  // Of a filesystem on another one below this, the texts say the same.
  const above =
    typeof mounts === 'string' ? [] : mounts.filter((one) => one.parent === mount.id || hasLayerOn(one, mount));
  return above.length > 0
    ? above.map(({ point }) => told('mount', point))
    : backedBy((path) => (isBelow(mount, path) ? {} : undefined));
}
