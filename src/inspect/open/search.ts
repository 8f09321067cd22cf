/** Looks for what is sought in one table after the other, and again in those that change. */
import { isClosed } from '../../procfs/fd.ts';
import { part, type Steps } from '../../scan/steps.ts';
import type { Scan, Table } from '../../scan/tables.ts';
import { hasMoved, type Sought, Tester } from './sought.ts';

const BETWEEN_PAUSES = 256;

/** A descriptor of what is sought. */
export interface Hit {
  table: Table;
  fd: number;
  link: string;
}

/** What one look at a table found. */
interface Found {
  count: number;
  hits: Hit[];
  /** Codes of what could not be looked at. */
  skipped: string[];
  /** Whether something was closed while it was looked at. */
  hasGone: boolean;
}

export class OpenSearch {
  readonly #sought: Sought;
  readonly #scan: Scan;
  readonly #found = new Map<Table, Found>();
  /** Whether the last look was for something else than those before, which then say nothing. */
  isAnew = false;

  constructor(sought: Sought, scan: Scan) {
    this.#sought = sought;
    this.#scan = scan;
  }

  /** All that was found. */
  *hits(): Steps<Hit[]> {
    const all: Hit[] = [];
    for (const table of this.#scan.tables) {
      for (const hit of this.#found.get(table)?.hits ?? []) all.push(hit);
      yield;
    }
    return all;
  }

  /** Counts what could not be looked at. */
  count(unsettled: ReadonlySet<Table>): void {
    const { tables, account } = this.#scan;
    for (const table of tables) {
      for (const code of this.#found.get(table)?.skipped ?? []) account.skip(table.id, code, 'descriptor');
      if (unsettled.has(table)) account.skip(table.id, 'EAGAIN', 'descriptor', table.fds.length || 1);
    }
  }

  /** One look, as settle() wants it. */
  *look(open: readonly Table[]): Steps<ReadonlySet<Table>> {
    this.isAnew = yield* hasMoved(this.#sought);
    const tables = this.isAnew ? this.#scan.tables : open;
    const changed = new Set<Table>();
    for (const [i, table] of tables.entries()) {
      const before = this.#found.get(table);
      const found = yield* part(i / tables.length, (i + 1) / tables.length, lookAt(this.#sought, table));
      this.#found.set(table, found);
      if (found.hasGone || !table.isWhole || (before !== undefined && !isAlike(before, found))) changed.add(table);
      yield (i + 1) / tables.length;
    }
    return changed;
  }
}

/** One look at a table, as it was listed. */
export function* lookAt(sought: Sought, table: Table): Steps<Found> {
  const found: Found = { count: table.fds.length, hits: [], skipped: [], hasGone: false };
  const tester = new Tester(sought, table.id);
  try {
    for (const [i, fd] of table.fds.entries()) {
      if (i % BETWEEN_PAUSES === BETWEEN_PAUSES - 1) yield i / table.fds.length;
      const link = tester.test(fd);
      if (typeof link === 'string') found.hits.push({ table, fd, link });
      else if (link === undefined) continue;
      else if (isClosed(link.code)) found.hasGone = true;
      else found.skipped.push(link.code);
    }
  } finally {
    tester.close();
  }
  return found;
}

/** Whether two looks at a table found the same. */
const isAlike = (a: Found, b: Found): boolean =>
  a.count === b.count &&
  a.hits.length === b.hits.length &&
  a.hits.every(({ fd, link }, i) => fd === b.hits[i]?.fd && link === b.hits[i]?.link);
