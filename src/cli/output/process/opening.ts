/**
 * What a process does that waits on none of its descriptors: it is stopped, or waits in open(2) of a FIFO, until somebody
 * opens its other end: it has nothing open yet, so that no descriptor tells.
 *
 * Source: fifo_open() of fs/pipe.c.
 */
import { listProcesses, threadsOf } from '../../../procfs/processes.ts';
import { S_IFIFO, S_IFMT } from '../../../procfs/kind.ts';
import { locate } from '../../../procfs/raw/path.ts';
import { readPlace, readPulse } from '../../../procfs/raw/runs.ts';
import { isStopped } from '../../../procfs/stat.ts';
import { some } from '../../../util/text.ts';
import { named } from '../names.ts';

const PLACE = /^(?:wait_for_partner|fifo_open)$/;
const SHOWN = 3;

const waits = (pid: number): boolean => threadsOf(pid).some((task) => PLACE.test(readPlace(task)));

/** `it is stopped`, or `it waits in open of a FIFO, until …`, of the first of these that is, or does. */
export function openingText(pids: readonly number[]): string | undefined {
  const stopped = pids.find((pid) => isStopped(readPulse(pid).state));
  if (stopped !== undefined) return `${pids.length === 1 ? 'it' : named(stopped)} is stopped`;
  const pid = pids.find(waits);
  if (pid === undefined) return undefined;
  const who = pids.length === 1 ? 'it' : named(pid);
  return `${who} waits in open of a FIFO, until somebody opens its other end`;
}

/** `sh (4711) waits to open a FIFO, perhaps this one`, of a path that is one; nothing of others. */
export function openersText(path: string): string[] {
  const located = locate(path);
  if (typeof located === 'string' || (located.stat.mode & S_IFMT) !== S_IFIFO) return [];
  const pids = listProcesses().filter(waits);
  return pids.length === 0
    ? []
    : [`${some(pids.map(named), SHOWN)} ${pids.length === 1 ? 'waits' : 'wait'} to open a FIFO, perhaps this one`];
}
