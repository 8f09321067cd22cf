/**
 * What a process does that waits on none of its descriptors: it is stopped, or waits in open(2) of a FIFO, until somebody
 * opens its other end, or of a file, until its lease is given up: it has nothing open yet, so that no descriptor tells.
 *
 * Sources: fifo_open() of fs/pipe.c, __break_lease() of fs/locks.c.
 */
import { listProcesses, threadsOf } from '../../../procfs/processes.ts';
import { S_IFIFO, S_IFMT } from '../../../procfs/kind.ts';
import { locate } from '../../../procfs/raw/path.ts';
import { readPlace, readPulse } from '../../../procfs/raw/runs.ts';
import { isStopped } from '../../../procfs/stat.ts';
import { some } from '../../../util/text.ts';
import { named } from '../names.ts';

const PLACE = /^(?:wait_for_partner|fifo_open)$/;
const LEASE = '__break_lease';
const SHOWN = 3;

const isAt = (pid: number, isPlace: (place: string) => boolean): boolean =>
  threadsOf(pid).some((task) => isPlace(readPlace(task)));
const waits = (pid: number): boolean => isAt(pid, (place) => PLACE.test(place));

/** `it is stopped`, or `it waits in open of a FIFO, until …`, of the first of these that is, or does. */
export function openingText(pids: readonly number[]): string | undefined {
  const stopped = pids.find((pid) => isStopped(readPulse(pid).state));
  if (stopped !== undefined) return `${pids.length === 1 ? 'it' : named(stopped)} is stopped`;
  const who = (pid: number): string => (pids.length === 1 ? 'it' : named(pid));
  const pid = pids.find(waits);
  if (pid !== undefined) return `${who(pid)} waits in open of a FIFO, until somebody opens its other end`;
  const breaker = pids.find((one) => isAt(one, (place) => place === LEASE));
  return breaker === undefined ? undefined : `${who(breaker)} waits in open of a file until its lease is given up`;
}

/** Who waits to open a FIFO, which may be one of a filesystem. */
export interface Openers {
  pids: readonly number[];
  isMount: boolean;
}
export const NO_OPENERS: Openers = { pids: [], isMount: false };

/** Of a path that is one, or of a mount point, which that keeps busy; nobody of anything else. */
export function openersOf(reference: string): Openers {
  const located = reference.includes('/') ? locate(reference) : 'ENOENT';
  if (typeof located === 'string') return NO_OPENERS;
  const isMount = located.mount !== undefined;
  return { pids: isMount || (located.stat.mode & S_IFMT) === S_IFIFO ? listProcesses().filter(waits) : [], isMount };
}

/** `sh (4711) waits to open a FIFO, perhaps this one` */
export function openersText({ pids, isMount }: Openers): string[] {
  if (pids.length === 0) return [];
  const which = isMount ? 'perhaps one of it' : 'perhaps this one';
  return [`${some(pids.map(named), SHOWN)} ${pids.length === 1 ? 'waits' : 'wait'} to open a FIFO, ${which}`];
}
