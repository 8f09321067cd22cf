/** What became of the tables from one look to the next, found out once for all instances that are looked at together. */
import type { Span } from '../../../scan/columns.ts';
import type { Links } from '../../../scan/link-columns.ts';
import type { Steps } from '../../../scan/steps.ts';
import type { Table } from '../../../scan/tables.ts';

const NO_ITEMS: Span = { start: 0, end: 0 };
const BETWEEN_PAUSES = 64;

export class Listings {
  readonly #links: Links;
  readonly #now = new Map<Table, Span>();
  /** Of those that were listed again before this look: undefined where that was the first time. */
  readonly #before = new Map<Table, Span | undefined>();
  /** What was found out about these tables in this look. */
  readonly #changed = new Map<readonly Table[], ReadonlySet<Table>>();
  readonly #touched = new Map<readonly Table[], ReadonlySet<number>>();
  readonly #touchedBySome = new Map<readonly Table[], ReadonlySet<number>>();

  constructor(links: Links) {
    this.#links = links;
  }

  /** To be told before a look which tables were listed for it. */
  renew(tables: readonly Table[]): void {
    this.#changed.clear();
    this.#touched.clear();
    this.#touchedBySome.clear();
    this.#before.clear();
    for (const table of tables) {
      this.#before.set(table, this.#now.get(table));
      this.#now.set(table, this.#links.spanOf(table.id));
    }
  }

  /** Which of some tables read otherwise than before, or could not be read as of one moment. */
  changedIn(tables: readonly Table[]): ReadonlySet<Table> {
    let changed = this.#changed.get(tables);
    if (changed === undefined) {
      changed = new Set(tables.filter((table) => !table.isWhole || this.#isOther(table)));
      this.#changed.set(tables, changed);
    }
    return changed;
  }

  /**
   * The inodes of all that is or was open in some tables.
   * @param onlyChanged - only of what is not what it was
   */
  *touchedIn(
    tables: readonly Table[],
    onlyChanged: boolean,
    inodeOf: (item: number) => number,
  ): Steps<ReadonlySet<number>> {
    const all = onlyChanged ? this.#touchedBySome : this.#touched;
    const known = all.get(tables);
    if (known !== undefined) return known;
    const touched = new Set<number>();
    for (const span of tables.flatMap((table) => this.#spansOf(table, onlyChanged))) {
      for (let item = span.start; item < span.end; item++) {
        if (item % BETWEEN_PAUSES === 0) yield;
        touched.add(inodeOf(item));
      }
    }
    all.set(tables, touched);
    return touched;
  }

  /** How a table was listed for the look before, and is now; one that was not listed for this look is what it was. */
  #spansOf(table: Table, onlyChanged: boolean): Span[] {
    const before = (this.#before.has(table) ? this.#before.get(table) : this.#now.get(table)) ?? NO_ITEMS;
    const now = this.#links.spanOf(table.id);
    return onlyChanged ? this.#links.differences(before, now) : [before, now];
  }

  #isOther(table: Table): boolean {
    const before = this.#before.get(table);
    return before !== undefined && !this.#links.isAlike(before, this.#links.spanOf(table.id));
  }
}
