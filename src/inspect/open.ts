/**
 * Who has open what people can name: a port, a path, a socket's inode. One scan of all descriptors answers.
 *
 *   util/reference      what a text names
 *   open/by-…           what to look for: by inode, by the text of a link, by what the kernel lists
 *   open/held           who was seen to have it, until that holds still
 *   open/search         the looks at the tables
 *   open/files          the descriptions that were found
 *   open/elsewhere      who uses it without a descriptor
 */
import { badType, badValue, coded } from '../binding/arguments.ts';
import { readOptions } from '../binding/read.ts';
import { inodeOf } from '../procfs/link.ts';
import { checkProc } from '../procfs/root.ts';
import { type Coverage, unseen as unseenOf } from '../scan/coverage.ts';
import { checkParts, checkScan, type Part } from '../scan/options.ts';
import { type Asked, finish, part, type Steps } from '../scan/steps.ts';
import { type Scan, scan } from '../scan/tables.ts';
import { parseReference, type Reference } from '../util/reference.ts';
import type { Elsewhere } from './elsewhere.ts';
import { type HolderOptions, holdersOf } from './holders.ts';
import { type Lock, tellLocks } from './locks.ts';
import { openedBy } from './process.ts';
import type { StaleEpoll } from './process/stale.ts';
import type { Waiting } from './process/waiting.ts';
import { SoughtPath } from './open/by-path.ts';
import { soughtBy } from './open/by-reference.ts';
import { elsewhereOf } from './open/elsewhere.ts';
import { tellEnds } from './open/ends.ts';
import { type FoundFile, listenersFirst, unseenSocket } from './open/found-file.ts';
import { heldOf, tellMirrors } from './open/held.ts';
import { coverageOf, type Sought, type Unheld } from './open/sought.ts';

/** So much of the work is done when all was read, described, when it is told what has it without a descriptor, and who its other end. */
const [READ, DESCRIBED, TOLD, TURNED] = [0.3, 0.65, 0.75, 0.95];

/** Options of {@link findOpen}. */
export interface OpenOptions extends HolderOptions {
  /** Of a process: whether what its descendants have open is wanted as well. */
  tree?: boolean | undefined;
}

/** What {@link findOpen} found out about what a reference names. */
export interface OpenReport {
  reference: string;
  /**
   * One an open file description: who listens first, then what is bound, then connections; of a process what it waits on,
   * then by descriptor.
   */
  files: FoundFile[];
  /** Who uses it without a descriptor; none of a process, of which that is not looked for. Absent when it is not wanted. */
  elsewhere?: Elsewhere[];
  /** The locks on a path that no descriptor shows: of a file in flight, or of a process that was not seen. Absent when not wanted. */
  locks?: Lock[];
  /** What the kernel has of it and no process: connections in TIME_WAIT, or not accepted yet. */
  unheld: Unheld[];
  /** Of a process: the descriptors on which it waits in a system call, where that may be read. */
  waiting?: Waiting[];
  /** Of a process: its epoll instances with targets that are not what their numbers say; of up to 1,000 targets. */
  stale?: StaleEpoll[];
  /** Of a path that is not there: the errno's name. */
  missing?: string;
  coverage: Coverage;
}

/**
 * `readlink /proc/PID/fd/FD`, `statx`, sock_diag(7) — who has open what a text names?
 *
 * A path stands for its inode, by whatever name that was opened, and for what was deleted under that name; of a device
 * also for its other nodes, as a container has them, unless it is a terminal; of a unix socket also for whoever listens
 * there and is connected there; a mount point for all of its filesystem. A port is a local one, of TCP and UDP, in every
 * network namespace that may be asked. Nothing is opened, no host's name is looked up, no file server is waited for: where
 * a path is known to one alone, a child process asks it, for a second. A process, or a thread with its table, stands for
 * all that it has open, found in one look at the machine, other ends included.
 *
 * @param reference - `PID`, `PID:FD`, `/proc/PID/fd/FD`, `:PORT`, `tcp:PORT`, `HOST:PORT` with an address or `localhost`,
 *   `[::1]:PORT`, `8080/tcp`, `socket:[INODE]`, `pipe:[INODE]`, `unix:@NAME`, `memfd:NAME`, or a path, which holds a slash
 * @param options.pids - where to look; every process of /proc when left out
 * @param options.onProgress - told how much of all the work is done, in thousandths
 * @param options.parts - what is wanted besides the holders; everything when left out. Each `otherEnd`, of up to 16 files,
 *   takes as long as findHolders; those of a process all together do
 * @param options.tree - of a process: whether what its descendants have open is wanted as well
 * @returns `files`, one for each open file description, with its holders. A socket that nobody was seen to have has none,
 *   and tells its user's `uid`. `sameInode` names the holders of the others on its inode, of up to 64. `files` is empty
 *   where nothing has it open, or `coverage` tells what could not be seen
 * @throws TypeError `ERR_INVALID_ARG_TYPE` — a bad argument; `ERR_INVALID_ARG_VALUE` — the text names nothing
 * @throws Error as findHolders does, for `PID:FD` and `PID`
 * @throws Error `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`, `ERR_KOFFI_UNAVAILABLE`, `ERR_PROC_UNAVAILABLE`
 * @example findOpen(':8080').files.flatMap(({ holders }) => holders.map(({ pid, command }) => `${command} (${pid})`));
 * @since Linux 3.5
 * @see https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html, proc_pid_fd(5), sock_diag(7), openat2(2)
 */
export function findOpen(reference: string, options?: OpenOptions): OpenReport {
  return finish(askOpen(reference, options));
}

/** {@link findOpen}, in steps. */
export function askOpen(reference: string, options: OpenOptions | undefined): Asked<OpenReport> {
  if (typeof reference !== 'string') throw badType('reference', 'of type string', reference);
  const parsed = parseReference(reference);
  if (parsed.is === 'none') throw coded(new TypeError(parsed.why), badValue('reference', '', reference).code);
  const { parts, tree = false, ...others } = readOptions(options, ['parts', 'tree', 'pids', 'onProgress']);
  if (typeof tree !== 'boolean') throw badType('options.tree', 'of type boolean', tree);
  const { pids, onProgress } = checkScan(others);
  return { steps: openOf(reference, parsed, pids, checkParts(parts), tree), onProgress };
}

/** So often all is looked at anew for what was found nowhere, and then open. */
const ATTEMPTS = 4;

interface Found {
  files: FoundFile[];
  locks: Lock[] | undefined;
  elsewhere: Elsewhere[] | undefined;
}

function* openOf(
  reference: string,
  parsed: Reference,
  pids: readonly number[] | undefined,
  parts: ReadonlySet<Part>,
  isTree: boolean,
): Steps<OpenReport> {
  // What nobody but a path or a port has.
  const none = { ...(parts.has('elsewhere') ? { elsewhere: [] } : {}), ...(parts.has('locks') ? { locks: [] } : {}) };
  if (parsed.is === 'process') {
    return { reference, ...(yield* openedBy(parsed.pid, isTree, pids, parts)), ...none, unheld: [] };
  }
  if (parsed.is === 'descriptor') {
    const { file: _, coverage, ...file } = yield* holdersOf(parsed, pids, parts);
    const isConnection = file.otherEnd?.state === 'connected' && file.kind === 'socket';
    return { reference, files: [{ ...file, isConnection }], ...none, unheld: [], coverage };
  }
  checkProc();
  const sought = soughtBy(parsed);
  const seen = yield* part(0, READ, scan(pids));
  let found: Found | undefined;
  for (let attempt = 1; found === undefined; attempt++)
    found = yield* foundOf(sought, seen, parts, attempt === ATTEMPTS);
  const { files, locks, elsewhere } = found;
  yield* part(TOLD, TURNED, tellEnds(files, pids, parts));
  yield* part(TURNED, 1, tellMirrors(sought, seen));
  const missing = sought instanceof SoughtPath ? sought.missing : undefined;
  return {
    reference,
    files,
    ...(elsewhere === undefined ? {} : { elsewhere }),
    ...(locks === undefined ? {} : { locks }),
    unheld: [...(sought.unheld ?? [])],
    ...(missing === undefined ? {} : { missing }),
    coverage: coverageOf(sought, seen),
  };
}

/** Undefined when all is to be looked at anew, unless it is the last time. */
function* foundOf(sought: Sought, seen: Scan, parts: ReadonlySet<Part>, isLast: boolean): Steps<Found | undefined> {
  const { held: all, sockets, unseen } = yield* part(READ, DESCRIBED, heldOf(sought, seen));
  const inoOf = ({ link }: Pick<FoundFile, 'link'>): number => inodeOf(link ?? '');
  const held = all.filter(
    (file) =>
      sought.isAnothers?.(
        inoOf(file),
        file.holders.map(({ pid }) => pid),
      ) !== true,
  );
  // Whoever asks about some processes only, and sees all of these, is not told what others have.
  const isOthers = !seen.all && unseenOf(seen.account).length === 0;
  const files = listenersFirst([...held, ...(isOthers ? [] : unseen.map(unseenSocket))], sockets);
  for (const file of files) {
    const ino = inoOf(file);
    const doubt = sought.doubtOf?.(ino);
    if (sought.foreign?.has(ino) === true) file.otherNetwork = true;
    if (sought.isFormerSocket?.(ino) === true) file.former = true;
    if (doubt !== undefined) file.doubt = doubt;
  }
  const locks = parts.has('locks')
    ? yield* part(DESCRIBED, DESCRIBED, tellLocks(files, [], seen, sought.isLocked))
    : undefined;
  const keepers = elsewhereOf(sought, seen, held, (locks?.length ?? 0) > 0);
  const isWanted = parts.has('elsewhere');
  let elsewhere = isWanted ? yield* part(DESCRIBED, TOLD, keepers) : undefined;
  if (isWanted && elsewhere === undefined) {
    if (!isLast) return undefined;
    elsewhere = [];
    seen.account.skip(process.pid, 'EAGAIN', 'task', 1, 'it was handed on, and held by another one, each time');
  }
  for (const { pid, code, reason } of sought.blind ?? []) seen.account.skip(pid, code, 'task', 1, reason);
  return { files, locks, elsewhere };
}
