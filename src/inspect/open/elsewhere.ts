/**
 * What keeps something in use without a descriptor.
 *
 *   open/uses           working directories, roots and programs
 *   elsewhere/mapped    mappings
 *   open/by-kernel      mounts, loop devices, swap space
 *   elsewhere/aloft     in flight over a unix socket, or registered with io_uring: where nothing else was found
 */
import type { FileRef } from '../../binding/kcmp.ts';
import { type FileStat, listDescriptors } from '../../procfs/fd.ts';
import { type FileKind, kindOf } from '../../procfs/kind.ts';
import { part, type Steps } from '../../scan/steps.ts';
import { readMoved } from '../../scan/settle.ts';
import type { Scan, Table } from '../../scan/tables.ts';
import type { Elsewhere } from '../elsewhere.ts';
import { carriersIn, lookAloft } from '../elsewhere/aloft.ts';
import { mappedAs, mappedAt, mappedOn } from '../elsewhere/mapped.ts';
import { countTerminals } from '../elsewhere/terminals.ts';
import { type Registered, registeredWith } from '../elsewhere/registered.ts';
import type { OpenFile } from '../open-file.ts';
import { SoughtPath } from './by-path.ts';
import { SoughtPort } from './by-port.ts';
import { keptByKernel } from './by-kernel.ts';
import { lookAt } from './search.ts';
import { isOnInode, type Sought } from './sought.ts';
import { type Used, usesOf } from './uses.ts';

const MAPPABLE: ReadonlySet<FileKind> = new Set(['regular', 'character device', 'block device']);

/** So often what may have come down since is looked for. */
const ROUNDS = 8;
/** Of the work. */
const [USED, MAPPED] = [0.3, 0.7];

/**
 * Undefined when it was found nowhere, and then open.
 * @param hasUnkept - whether there is a lock on it that nobody was seen to keep
 */
export function* elsewhereOf(
  sought: Sought,
  scan: Scan,
  files: readonly OpenFile[],
  hasUnkept: boolean,
): Steps<Elsewhere[] | undefined> {
  const path = sought instanceof SoughtPath ? sought.path : undefined;
  const { inode, mount } = sought;
  const uses = path === undefined ? [] : yield* part(0, USED, usesOf(scan, sought));
  const keyOf = ({ pid, deleted }: Elsewhere): string => `${pid} ${deleted}`;
  const users = new Set(uses.map(keyOf));
  const { now, before } = yield* part(USED, MAPPED, mappersOf(sought, path, scan, files));
  const mappedBy = (pids: Iterable<number>, used: Used): Elsewhere[] =>
    [...pids].sort((a, b) => a - b).map((pid) => ({ how: 'mapped', pid, sure: 'inode', ...used }));
  const mapped = [...mappedBy(now, {}), ...mappedBy(before, { deleted: true })].filter((one) => !users.has(keyOf(one)));
  const kernel = path === undefined ? [] : yield* keptByKernel(scan, path, inode, mount);
  const found = [...uses, ...mapped, ...kernel];
  const isKept = found.length > 0 || (!hasUnkept && files.some(({ holders }) => holders.length > 0));
  // The kernel lists every socket with a port, whoever has it.
  if (isKept || (sought instanceof SoughtPort && sought.sockets.size === 0)) return found;
  if (inode !== undefined) yield* countTerminals(scan, inode);
  const links = [...sought.links, path, sought.text].filter((link) => link !== undefined);
  return yield* part(MAPPED, 1, aloftOf(sought, scan, links));
}

/**
 * Who may have it in flight, or registered. Undefined when somebody has it by now: what goes up and comes down is looked
 * for in both ways once more, at whoever ran meanwhile.
 */
function* aloftOf(sought: Sought, scan: Scan, links: readonly string[]): Steps<Elsewhere[] | undefined> {
  const { account } = scan;
  const sockets = new Map<number, FileRef>();
  let tables: Table[] = scan.tables;
  for (let round = 1; tables.length > 0; round++) {
    const carriers = carriersIn(yield* lookAloft({ tables, account }, sockets), (text) => isRegistered(text, links));
    if (carriers.length > 0 || round === ROUNDS) return carriers;
    tables = yield* readMoved(scan);
    for (const table of tables) if (yield* isOpenIn(sought, table)) return undefined;
  }
  return [];
}

/** Whether a table has it by now: what is there is asked about at once, since it may be handed on each millisecond. */
function* isOpenIn(sought: Sought, table: Table): Steps<boolean> {
  const fds = listDescriptors(table.id);
  return typeof fds !== 'string' && (yield* lookAt(sought, { ...table, fds })).hits.length > 0;
}

/** Who has it mapped, and of a path who has a file mapped that had that name before. */
function* mappersOf(
  sought: Sought,
  path: string | undefined,
  scan: Scan,
  files: readonly OpenFile[],
): Steps<{ now: Iterable<number>; before: Iterable<number> }> {
  const { inode, text, links, mount, part: only } = sought;
  const now = new Set<number>();
  const add = (pids: readonly number[]): void => void pids.forEach((pid) => void now.add(pid));
  if (mount !== undefined) add(yield* mappedOn(scan, mount.dev, only === undefined ? undefined : mount));
  else if (inode !== undefined && path !== undefined) {
    const isFormer = (stat: FileStat): boolean => sought.isFormer?.(stat) === true;
    // Of other kinds only what had the name before can be mapped.
    const mayBe = MAPPABLE.has(kindOf(null, inode.mode)) || files.some(({ link }) => link === text);
    if (mayBe) return yield* mappedAt(scan, path, inode, isFormer, (stat) => isOnInode(sought, stat));
  } else if (text !== undefined) add(yield* mappedAs(scan, text, (stat) => sought.isHere?.(stat) !== false));
  // As the ring of a packet socket.
  else if (files.length === 0) for (const link of links) add(yield* mappedAs(scan, link));
  return { now, before: [] };
}

/** @param links - what the links of its descriptors would read */
function isRegistered(text: string, links: readonly string[]): Registered {
  const told = links.map((link) => registeredWith(text, link));
  return told.includes('sure') ? 'sure' : told.includes('possible') ? 'possible' : 'no';
}
