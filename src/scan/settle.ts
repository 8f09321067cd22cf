/**
 * Nothing holds still for a scan. An answer is believed only if everything that moved meanwhile was looked at again:
 *
 *   look at all tables ── who has not run since it was listed is done
 *        │                who has: listed and looked at again, with all that were born since
 *        └───────────────── until a whole look finds what the one before found ── else it could not be looked at
 *
 * All comparing of one look comes before any listing of the next: what one process hands to another shows in either.
 */
import { part, type Steps } from './steps.ts';
import type { Scan, Table } from './tables.ts';

/** A descriptor that moves every millisecond is caught by the second or third look. */
const ROUNDS = 8;
/** What the first look is of all the work, where little moves. */
const MOST = 0.8;

/**
 * Looks at all descriptors of tables, whatever was found in them before; returns the tables in which something else was
 * found than before, or something was closed meanwhile. Nothing is known of those that come for the first time.
 */
export type Look = (tables: readonly Table[]) => Steps<ReadonlySet<Table>>;

/**
 * @param isRestless - whether what is looked for may have moved itself; then all tables are looked at again
 * @returns the tables that changed all the while; none when everything is settled
 */
export function* settle(scan: Scan, look: Look, isRestless: () => boolean = () => false): Steps<ReadonlySet<Table>> {
  let open: Table[] = scan.tables;
  let from = 0;
  for (let round = 1; ; round++) {
    const to = from + (1 - from) * MOST;
    const changed = yield* part(from, to, look(open));
    const isAllOpen = isRestless();
    // Who was done may have been handed what another let go.
    const doubtful = isAllOpen || (changed.size > 0 && round > 1) ? scan.tables : open;
    const restless: Table[] = [];
    for (const table of doubtful) {
      if (changed.has(table) || !scan.isStill(table)) restless.push(table);
      yield;
    }
    const born = yield* scan.readBorn();
    const isDone = born.length === 0 && restless.length === 0 && !isAllOpen;
    const isSettled = isDone || (born.length === 0 && round > 1 && changed.size === 0);
    if (isSettled) return new Set();
    // Who was born last was not looked at.
    if (round === ROUNDS) return new Set([...changed, ...born]);
    for (const table of restless) yield* scan.readAgain(table);
    open = isAllOpen ? scan.tables : [...restless, ...born];
    from = to;
  }
}
