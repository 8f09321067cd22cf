/**
 * All that is open on one inode, gathered by description once for all instances that are looked at together: each of
 * thousands may watch eventfds, which all have one inode, and would compare all of these with its own.
 */
import { DescriptionOrder } from '../../../descriptions/order.ts';
import { kcmpItems } from '../../../scan/columns.ts';
import type { Links } from '../../../scan/link-columns.ts';
import type { Steps } from '../../../scan/steps.ts';
import { membersOf } from '../../../util/merge-sort.ts';

const BETWEEN_PAUSES = 32;

export interface Gathered {
  order: DescriptionOrder;
  /** One item of each description, ascending. */
  leaders: Int32Array;
  /** By item: the leader of its description. */
  leaderOf: ReadonlyMap<number, number>;
  /** Why items could not be compared. */
  dropped: ReadonlyMap<number, string>;
}

export function* gather(links: Links, items: readonly number[]): Steps<Gathered> {
  const dropped = new Map<number, string>();
  const order = new DescriptionOrder(
    links.length,
    (a, b) => kcmpItems(links, a, b),
    (item, code) => void dropped.set(item, code),
  );
  const { leaders } = yield* order.sort(Int32Array.from(items));
  const leaderOf = new Map<number, number>();
  for (const [i, leader] of leaders.entries()) {
    if (i % BETWEEN_PAUSES === 0) yield;
    for (const item of membersOf(order, leader)) leaderOf.set(item, leader);
  }
  return { order, leaders, leaderOf, dropped };
}
