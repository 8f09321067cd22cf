/** What the kernel itself has of a filesystem, a file or a device: mounts of other filesystems, loop devices, swap space. */
import type { FileStat } from '../../procfs/fd.ts';
import { readLoopFiles, readSwapFiles } from '../../procfs/kind/backing.ts';
import { kindOf } from '../../procfs/kind.ts';
import { isBelow, type Mount, readMounts } from '../../procfs/kind/mountinfo.ts';
import { locate } from '../../procfs/raw/path.ts';
import { processesOf } from '../../scan/shared-tables.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Scan } from '../../scan/tables.ts';
import type { Elsewhere } from '../elsewhere.ts';

type How = Elsewhere['how'];

const told = (how: How): Elsewhere => ({ how, pid: null, sure: 'inode' });

export function* keptByKernel(scan: Scan, path: string, inode: FileStat, mount: Mount | undefined): Steps<Elsewhere[]> {
  if (mount !== undefined) return keptOn(mount).map(told);
  const kind = kindOf(null, inode.mode);
  if (kind !== 'block device' && kind !== 'regular') return [];
  const isIt = (file: string): boolean => file === path || isSame(locate(file), inode);
  const hows: How[] = [];
  if (kind === 'block device' && (yield* isMounted(scan, inode.rdev))) hows.push('mount');
  if (readLoopFiles().some(isIt)) hows.push('loop');
  if (readSwapFiles().some(isIt)) hows.push('swap');
  return hows.map(told);
}

const isSame = (located: ReturnType<typeof locate>, { dev, ino }: FileStat): boolean =>
  typeof located !== 'string' && located.stat.dev === dev && located.stat.ino === ino;

/** Whether a device is mounted anywhere: another mount namespace has mounts of its own. */
function* isMounted({ tables }: Scan, device: number): Steps<boolean> {
  for (const pid of processesOf(tables).add(process.pid)) {
    yield;
    const mounts = readMounts(pid);
    if (typeof mounts !== 'string' && mounts.some(({ dev }) => dev === device)) return true;
  }
  return false;
}

/** Of a filesystem. */
function keptOn(mount: Mount): How[] {
  const mounts = readMounts(process.pid);
  const isOnIt = (path: string): boolean => isBelow(mount, path);
  // Of a filesystem on another one below this, the texts say the same.
  if (typeof mounts !== 'string' && mounts.some(({ parent }) => parent === mount.id)) return ['mount'];
  return [
    ...(readLoopFiles().some(isOnIt) ? ['loop' as const] : []),
    ...(readSwapFiles().some(isOnIt) ? ['swap' as const] : []),
  ];
}
