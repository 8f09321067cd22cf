/** What keeps a path or a memfd in use without a descriptor: mappings, working directories, roots and programs. */
import { type FileStat, statAt, statIno } from '../../procfs/fd.ts';
import { kindOf } from '../../procfs/kind.ts';
import { PROC } from '../../procfs/root.ts';
import { part, type Steps } from '../../scan/steps.ts';
import type { Scan } from '../../scan/tables.ts';
import type { Elsewhere } from '../elsewhere.ts';
import { mappedAs, mappedBy } from '../elsewhere/mapped.ts';
import type { OpenFile } from '../open-file.ts';
import { SoughtPath } from './by-path.ts';
import type { Sought } from './sought.ts';

const MAPPABLE: ReadonlySet<string> = new Set(['regular', 'memfd']);
/** Of the work. */
const HALF = 0.5;

export function* elsewhereOf(sought: Sought, scan: Scan, files: readonly OpenFile[]): Steps<Elsewhere[]> {
  const { inode, text } = sought;
  const path = sought instanceof SoughtPath ? sought.path : undefined;
  const uses = inode === undefined ? [] : yield* part(0, HALF, usesOf(scan, inode));
  const users = new Set(uses.map(({ pid }) => pid));
  const mappers = new Set<number>();
  const add = (pids: readonly number[]): void => void pids.forEach((pid) => void mappers.add(pid));
  if (inode !== undefined && path !== undefined) {
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
  return [...uses, ...mapped.map((pid): Elsewhere => ({ how: 'mapped', pid, sure: 'inode' }))];
}

const USES = ['cwd', 'root', 'exe'] as const;
const DIRECTORY = 'directory';

/** Whose working directory, root directory or program it is. */
function* usesOf({ tables }: Scan, { dev, ino, mode }: FileStat): Steps<Elsewhere[]> {
  const kind = kindOf(null, mode);
  if (kind !== 'regular' && kind !== DIRECTORY) return [];
  const hows = USES.filter((how) => (how === 'exe') === (kind === 'regular'));
  const uses: Elsewhere[] = [];
  const pids = new Set(tables.flatMap(({ pid, sharedWith }) => [pid, ...sharedWith]));
  let asked = 0;
  for (const pid of pids) {
    for (const how of hows) {
      // Refused is only who could not be scanned either.
      const stat = statAt(`${PROC}/${pid}/${how}`);
      if (typeof stat !== 'string' && stat.dev === dev && stat.ino === ino) uses.push({ how, pid, sure: 'inode' });
    }
    yield asked++ / pids.size;
  }
  return uses;
}
