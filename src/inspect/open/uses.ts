/** Whose working directory, root directory or program something is: by inode, by filesystem, or by the text of a link. */
import { KCMP_FS } from '../../binding/abi.ts';
import { kcmpRaw } from '../../binding/syscall.ts';
import { type FileStat, statAt } from '../../procfs/fd.ts';
import { kindOf } from '../../procfs/kind.ts';
import { readLinkText } from '../../procfs/read.ts';
import { listTasks } from '../../procfs/processes.ts';
import { countTasks } from '../../procfs/raw/fd-listing.ts';
import { PROC } from '../../procfs/root.ts';
import { processesOf } from '../../scan/shared-tables.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Scan } from '../../scan/tables.ts';
import type { Elsewhere } from '../elsewhere.ts';
import { isOfPart, isOnInode, type Sought } from './sought.ts';

const USES = ['cwd', 'root', 'exe'] as const;
const DIRECTORY = 'directory';

/** What is told of a file that is in use: of a path it may be one of that name that was deleted. */
export type Used = Pick<Elsewhere, 'deleted'>;

export function* usesOf({ tables }: Scan, sought: Sought): Steps<Elsewhere[]> {
  const { inode, mount, part, text } = sought;
  const isAny = mount !== undefined;
  const usedAs = (link: string): Used | undefined => {
    const isNamed = inode !== undefined || (text !== undefined && readLinkText(link) === text);
    // Refused is only who could not be scanned either.
    const stat = isNamed ? statAt(link) : 'ENOENT';
    if (typeof stat === 'string') return undefined;
    if (inode === undefined) return sought.isHere?.(stat) === false ? undefined : {};
    if (isAny ? stat.dev === inode.dev && isOfPart(part) : isOnInode(sought, stat)) return {};
    const isFormer = !isAny && sought.isFormer?.(stat) === true && readLinkText(link) === text;
    return isFormer ? { deleted: true } : undefined;
  };
  const hows = USES.filter((how) => inode === undefined || isAny || mayBe(how, inode));
  const uses: Elsewhere[] = [];
  if (hows.length === 0) return uses;
  const pids = processesOf(tables);
  let asked = 0;
  const look = (pid: number, how: (typeof USES)[number]): void => {
    const used = usedAs(`${PROC}/${pid}/${how}`);
    if (used !== undefined) uses.push({ how, pid, sure: 'inode', ...used });
  };
  for (const pid of pids) {
    for (const how of hows) look(pid, how);
    for (const tid of hows.includes('cwd') ? withOwnFs(pid) : []) {
      for (const how of hows) if (how !== 'exe') look(tid, how);
      yield;
    }
    yield asked++ / pids.size;
  }
  return uses;
}

/** Threads that are elsewhere than their process, which unshare(2) allows. */
function withOwnFs(pid: number): number[] {
  const tasks = countTasks(pid) === 1 ? [] : listTasks(pid);
  return typeof tasks === 'string' ? [] : tasks.filter((tid) => tid !== pid && kcmpRaw(pid, tid, KCMP_FS, 0, 0) !== 0);
}

function mayBe(how: (typeof USES)[number], { mode }: FileStat): boolean {
  const kind = kindOf(null, mode);
  return how === 'exe' ? kind === 'regular' : kind === DIRECTORY;
}
