/**
 * Nothing holds still for a scan. An answer is believed only if everything that moved meanwhile was looked at again:
 *
 *   look at all tables ── nobody is new, and who was looked at has not run since it was listed: true of one moment
 *        │                of the others: nothing changed in many looks in a row, so that it runs and moves nothing
 *        └───────────────── look again at who ran, with all that were born ── in the end: it could not be looked at
 *
 * All listing of one look comes before any comparing, and all comparing before anybody is asked whether it ran: so there
 * is one moment, between the two, at which all of it was so. What a report says of a descriptor is read in the look as well.
 */
import { clock, waitAWhile } from '../util/clock.ts';
import { askedOnce, type hasRested } from './rest.ts';
import { part, type Steps } from './steps.ts';
import type { Scan, Table } from './tables.ts';

/**
 * So many looks are quick, in the hope that nobody runs meanwhile, since a look at few tables takes a tenth of a
 * millisecond; the fewer where they have taken longer than so many milliseconds.
 */
const QUICK = { least: 8, most: 40, ms: 25 };
/** Then come looks that make do with what moves. */
const CAREFUL = 5;
/** So many looks in a row must find what the one before found, where there always is somebody who runs. */
const ALIKE = { one: 3, some: 6 };
/** In more of the looks something changes only where what moves outruns them, and may be missed by several in a row. */
const FAST = 0.5;
/**
 * So many where two or more were seen to change, of which one may have what the other had each time that the other is
 * looked at: at even odds where they move all the while, and hardly ever where a look is faster than they are.
 * @param share - in how many of the looks something changed
 */
const alikeOfMovers = (share: number): number => Math.min(15, Math.ceil(4 + 22 * share ** 2));
/** Milliseconds between two of these at most: what moves at even distances would be met in the same state each time. */
const STEP = 0.05;
/** What the first look is of all the work, where little moves. */
const MOST = 0.8;

/**
 * Looks at all descriptors of tables, whatever was found in them before; returns the tables in which something else was
 * found than before, or something was closed meanwhile. Nothing is known of those that come for the first time.
 * @param isCareful - whether the answer must be right about what holds still, although the rest moves meanwhile
 */
export type Look = (tables: readonly Table[], isCareful: boolean) => Steps<ReadonlySet<Table>>;

/**
 * @param isRestless - whether what is looked for may have moved itself; then all tables are looked at again. Shown what
 *   tells whether a process has run, and is asked once a look
 * @param isInVain - whether it has become something else, so that no more looks are needed
 * @param isAnew - whether the last look was for something else than those before it, in all tables
 * @returns the tables that changed all the while; none when everything is settled
 */
export function* settle(
  scan: Scan,
  look: Look,
  isRestless: (ask: typeof hasRested) => boolean = () => false,
  isInVain: () => boolean = () => false,
  isAnew: () => boolean = () => false,
): Steps<ReadonlySet<Table>> {
  /** By table: how many looks in a row found the same. */
  const alike = new Map<Table, number>();
  const movers = new Set<Table>();
  /** How many looks found something else than the one before. */
  let changes = 0;
  let open: Table[] = scan.tables;
  const start = clock();
  let careful = 0;
  for (let round = 1, from = 0; ; round++, from += (1 - from) * MOST) {
    const isSlow = round > QUICK.least && clock() - start > QUICK.ms;
    if (round > QUICK.most || careful > 0 || isSlow) careful++;
    const changed = yield* part(from, from + (1 - from) * MOST, look(open, careful > 0));
    if (isInVain()) return new Set();
    if (isAnew()) alike.clear();
    for (const table of open) alike.set(table, (alike.get(table) ?? -1) + 1);
    for (const table of changed) alike.set(table, 0);
    if (round > 1 && changed.size > 0) changes++;
    // In this order: who is listed now and was known before has not run since, or is asked for below.
    const born = scan.listBorn();
    const ask = askedOnce();
    const isAllOpen = isRestless(ask);
    // Who was done may have been handed what another let go.
    const doubtful = isAllOpen || (round > 1 && changed.size > 0) ? scan.tables : open;
    const restless: Table[] = [];
    const looked = new Set(open);
    for (const table of doubtful) {
      yield;
      // Of one that was not looked at something else is sought now.
      if (scan.isStill(table, ask) && (looked.has(table) || !changed.has(table))) continue;
      restless.push(table);
      if (changed.has(table)) movers.add(table);
    }
    if (born.length === 0) {
      const wanderers = restless.filter((table) => movers.has(table)).length;
      const share = (changes + 1) / round;
      const isAlone = restless.length < 2 && (wanderers === 0 || share <= FAST);
      const isUnsure = (table: Table): boolean => {
        const isOneOfMany = wanderers > 1 && movers.has(table);
        const needed = isAlone ? ALIKE.one : isOneOfMany ? alikeOfMovers(share) : ALIKE.some;
        return (alike.get(table) ?? 0) < (restless.includes(table) ? needed : ALIKE.one);
      };
      const unsure = (isAllOpen ? scan.tables : restless).filter(isUnsure);
      // These are believed, or not, although they ran.
      if (unsure.length === 0 || careful === CAREFUL) for (const table of restless) table.rest = undefined;
      if (unsure.length === 0) return new Set();
      if (careful === CAREFUL)
        return new Set(unsure.filter((table) => movers.has(table) || (alike.get(table) ?? 0) < ALIKE.one));
    } else if (careful === CAREFUL) {
      // Who was born last was not looked at.
      for (const pid of born) scan.account.skip(pid, 'EAGAIN', 'process');
      return new Set([...restless, ...changed]);
    }
    if (round > 1) waitAWhile(STEP);
    for (const table of restless) yield* scan.readAgain(table);
    const more = yield* scan.readBorn(born);
    open = isAllOpen ? scan.tables : [...restless, ...more];
  }
}

/** What moved while it was described is looked for again, so often and among so many descriptors in all: that takes little. */
const AGAIN = { attempts: 40, descriptors: 20_000 };

/** @param attempt - how often all was looked at and described, from 1 */
export const isWorthAnother = ({ account }: Scan, attempt: number): boolean =>
  attempt < AGAIN.attempts && attempt * account.descriptors < AGAIN.descriptors;

/** Lists once more what may have changed since it was looked at, and what was born since; returns that. */
export function* readMoved(scan: Scan): Steps<Table[]> {
  const moved: Table[] = [];
  for (const table of scan.tables) {
    if (!scan.isStill(table)) moved.push(table);
    yield;
  }
  for (const table of moved) yield* scan.readAgain(table);
  return [...moved, ...(yield* scan.readBorn())];
}
