/**
 * What the kernel itself has of a filesystem, a file or a device: other filesystems that are mounted there, loop devices and
 * swap space.
 */
import type { FileStat } from '../../procfs/fd.ts';
import { readLoopFiles, readSwapFiles } from '../../procfs/kind/backing.ts';
import { S_IFMT } from '../../procfs/kind.ts';
import { type Mount, readMounts } from '../../procfs/kind/mountinfo.ts';
import { locate } from '../../procfs/raw/path.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Scan } from '../../scan/tables.ts';
import type { Elsewhere } from '../elsewhere.ts';

type How = Elsewhere['how'];

const S_IFBLK = 0o060000;
const S_IFREG = 0o100000;

const told = (how: How): Elsewhere => ({ how, pid: null, sure: 'inode' });

export function* keptByKernel(scan: Scan, path: string, inode: FileStat, mount: Mount | undefined): Steps<Elsewhere[]> {
  if (mount !== undefined) return keptOn(mount).map(told);
  const type = inode.mode & S_IFMT;
  if (type !== S_IFBLK && type !== S_IFREG) return [];
  const isIt = (file: string): boolean => file === path || isSame(locate(file), inode);
  const hows: How[] = [];
  if (type === S_IFBLK && (yield* isMounted(scan, inode.rdev))) hows.push('mount');
  if (readLoopFiles().some(isIt)) hows.push('loop');
  if (readSwapFiles().some(isIt)) hows.push('swap');
  return hows.map(told);
}

const isSame = (located: ReturnType<typeof locate>, { dev, ino }: FileStat): boolean =>
  typeof located !== 'string' && located.stat.dev === dev && located.stat.ino === ino;

/** Whether a device is mounted anywhere: another mount namespace has mounts of its own. */
function* isMounted({ tables }: Scan, device: number): Steps<boolean> {
  for (const pid of new Set([process.pid, ...tables.map(({ pid }) => pid)])) {
    yield;
    const mounts = readMounts(pid);
    if (typeof mounts !== 'string' && mounts.some(({ dev }) => dev === device)) return true;
  }
  return false;
}

/** Of a filesystem. */
function keptOn({ id, point }: Mount): How[] {
  const mounts = readMounts(process.pid);
  const below = point === '/' ? point : `${point}/`;
  const isOnIt = (path: string): boolean => path.startsWith(below);
  // Of a filesystem on another one below this, the texts say the same.
  if (typeof mounts !== 'string' && mounts.some(({ parent }) => parent === id)) return ['mount'];
  return [
    ...(readLoopFiles().some(isOnIt) ? ['loop' as const] : []),
    ...(readSwapFiles().some(isOnIt) ? ['swap' as const] : []),
  ];
}
