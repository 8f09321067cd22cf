/** What keeps a path or a memfd in use without a descriptor: mappings, working directories, roots and programs. */
import { type FileStat, statAt, statIno } from '../../procfs/fd.ts';
import { kindOf } from '../../procfs/kind.ts';
import { type Mount, readMounts } from '../../procfs/kind/mountinfo.ts';
import { readLoopFiles, readSwapFiles } from '../../procfs/kind/backing.ts';
import { PROC } from '../../procfs/root.ts';
import { part, type Steps } from '../../scan/steps.ts';
import type { Scan } from '../../scan/tables.ts';
import type { Elsewhere } from '../elsewhere.ts';
import { mappedAs, mappedBy, mappedOn } from '../elsewhere/mapped.ts';
import type { OpenFile } from '../open-file.ts';
import { SoughtPath } from './by-path.ts';
import type { Sought } from './sought.ts';

const MAPPABLE: ReadonlySet<string> = new Set(['regular', 'memfd']);
/** Of the work. */
const HALF = 0.5;

export function* elsewhereOf(sought: Sought, scan: Scan, files: readonly OpenFile[]): Steps<Elsewhere[]> {
  const { inode, text, mount } = sought;
  const path = sought instanceof SoughtPath ? sought.path : undefined;
  const uses = inode === undefined ? [] : yield* part(0, HALF, usesOf(scan, inode, mount !== undefined));
  const users = new Set(uses.map(({ pid }) => pid));
  const mappers = new Set<number>();
  const add = (pids: readonly number[]): void => void pids.forEach((pid) => void mappers.add(pid));
  if (mount !== undefined) add(yield* part(HALF, 1, mappedOn(scan, mount.dev)));
  else if (inode !== undefined && path !== undefined) {
    if (kindOf(path, inode.mode) === 'regular') add(yield* part(HALF, 1, mappedBy(scan, path, inode)));
  } else if (text !== undefined) add(yield* part(HALF, 1, mappedAs(scan, text)));
  // Of what is deleted and has a name that was used again.
  for (const { link, kind, holders } of files) {
    const [holder] = holders;
    if (link !== text || holder === undefined || !MAPPABLE.has(kind)) continue;
    const stat = statIno(holder.pid, holder.fd);
    if (inode !== undefined && typeof stat !== 'string') add(yield* mappedBy(scan, link as string, stat));
  }
  const mapped = [...mappers].filter((pid) => !users.has(pid)).sort((a, b) => a - b);
  const kernel = mount === undefined ? [] : keptByKernel(mount);
  return [...uses, ...mapped.map((pid): Elsewhere => ({ how: 'mapped', pid, sure: 'inode' })), ...kernel];
}

const USES = ['cwd', 'root', 'exe'] as const;
const DIRECTORY = 'directory';

/** Whose working directory, root directory or program it is. */
function* usesOf({ tables }: Scan, { dev, ino, mode }: FileStat, isAny: boolean): Steps<Elsewhere[]> {
  const kind = kindOf(null, mode);
  if (kind !== 'regular' && kind !== DIRECTORY) return [];
  const hows = USES.filter((how) => isAny || (how === 'exe') === (kind === 'regular'));
  const uses: Elsewhere[] = [];
  const pids = new Set(tables.flatMap(({ pid, sharedWith }) => [pid, ...sharedWith]));
  let asked = 0;
  for (const pid of pids) {
    for (const how of hows) {
      // Refused is only who could not be scanned either.
      const stat = statAt(`${PROC}/${pid}/${how}`);
      if (typeof stat !== 'string' && stat.dev === dev && (isAny || stat.ino === ino))
        uses.push({ how, pid, sure: 'inode' });
    }
    yield asked++ / pids.size;
  }
  return uses;
}

/** What the kernel itself has of a filesystem: others that are mounted on it, loop devices and swap space in its files. */
function keptByKernel({ id, point }: Mount): Elsewhere[] {
  const mounts = readMounts(process.pid);
  const below = point === '/' ? point : `${point}/`;
  const isOnIt = (path: string): boolean => path.startsWith(below);
  const hows: Array<Elsewhere['how']> = [];
  if (typeof mounts !== 'string' && mounts.some(({ parent }) => parent === id)) hows.push('mount');
  // Of a filesystem on another one below this, the texts say the same.
  const isAlone = hows.length === 0;
  if (isAlone && readLoopFiles().some(isOnIt)) hows.push('loop');
  if (isAlone && readSwapFiles().some(isOnIt)) hows.push('swap');
  return hows.map((how) => ({ how, pid: null, sure: 'inode' }));
}
