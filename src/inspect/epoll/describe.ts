/** What is told of targets in the end: who is their file, and what follows from that. */
import { plainSocket } from '../../descriptions/without-kcmp.ts';
import { readLink } from '../../procfs/fd.ts';
import { refAt, type Span } from '../../scan/columns.ts';
import { unseen } from '../../scan/coverage.ts';
import type { Links } from '../../scan/link-columns.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Scan, Table } from '../../scan/tables.ts';
import type { Candidates } from './inode-classes.ts';
import type { OpenTarget, TargetStatus } from './targets.ts';
import type { Walks } from './walks.ts';

const BETWEEN_PAUSES = 256;

/** What is known of descriptors and targets. */
export interface Known {
  walks: Walks;
  links: Links;
  targets: readonly OpenTarget[];
  candidates: Candidates;
  /** The items of the process asked about. */
  own: Span;
  /** By target: 1 where the inode of a socket told. */
  told: Uint8Array;
}

/**
 * Tells in the targets what was found.
 * @param items - by target
 * @param dropped - why items could not be compared
 * @param unsettled - tables that changed all the while: of these only what is still so
 */
export function* describeTargets(
  known: Known,
  items: ReadonlyArray<readonly number[]>,
  dropped: ReadonlyMap<number, string>,
  { account, comparable }: Scan,
  unsettled: ReadonlySet<Table>,
): Steps<void> {
  const { links, targets, told } = known;
  const ids = new Set([...unsettled].map(({ id }) => id));
  const ofUnresolved = !comparable || unseen(account).length > 0 ? 'unreadable' : 'unseen';
  for (const [i, target] of targets.entries()) {
    if (i % BETWEEN_PAUSES === 0) yield;
    target.holders = [];
    for (const item of items[i] ?? []) {
      const ref = refAt(links, item);
      if (!ids.has(ref.pid) || isSure(known, item, i)) target.holders.push(ref);
    }
    tellStatus(target, known, i, (at) => comparable && (target.holders.length > 0 || !dropped.has(at)));
    if (target.status === 'unresolved') target.reason = ofUnresolved;
    else if (told[i] === 1) target.via = 'socket-inode';
  }
}

function isSure({ walks, links, targets, candidates, told }: Known, item: number, index: number): boolean {
  const ref = refAt(links, item);
  if (told[index] === 1) return plainSocket(ref) === candidates.inodes[index];
  // Of very many targets what was proven stands for as long as this reads the same.
  if (walks.isPaced) return readLink(ref.pid, ref.fd) === links.links[item];
  const target = targets[index] as OpenTarget;
  return walks.isFile(ref, target) && walks.isFile(ref, target);
}

/** @param isTold - whether an item that was not found to be the target's file is known to be another one */
function tellStatus(
  target: OpenTarget,
  { walks, links, candidates, own }: Known,
  index: number,
  isTold: (item: number) => boolean,
): void {
  const { tfd, holders } = target;
  const at = links.itemOf(own, tfd);
  target.numberNow = at < 0 ? null : (links.links[at] ?? null);
  let status: TargetStatus = holders.length > 0 ? 'foreign' : 'unresolved';
  for (const ref of holders) {
    if (ref.pid !== walks.pid) continue;
    status = ref.fd === tfd ? 'live' : 'renumbered';
    if (status === 'live') break;
  }
  target.status = status;
  if (holders.length > 1) holders.sort((a, b) => a.pid - b.pid || a.fd - b.fd);
  if (status === 'live' || target.numberNow === null) return;
  // What could not be compared with it, though of the same inode, may still be this very file.
  target.numberReused = isTold(at) || candidates.inodeOf(at) !== candidates.inodes[index];
}
