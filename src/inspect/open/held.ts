/** Who was seen to have what is sought, looked at and described until both are true of one moment. */
import { Account } from '../../scan/coverage.ts';
import { isWorthAnother, settle } from '../../scan/settle.ts';
import { part, type Steps } from '../../scan/steps.ts';
import type { Scan, Table } from '../../scan/tables.ts';
import type { OpenFile } from '../open-file.ts';
import { socketLink } from '../peers/socket.ts';
import { filesOf } from './files.ts';
import type { Known } from './found-file.ts';
import { type Hit, OpenSearch } from './search.ts';
import { hasMoved, type ListedSocket, type Sought } from './sought.ts';

/** So often all is looked at anew when there is something else to look for by now. */
const ATTEMPTS = 4;
/** Of the work. */
const HALF = 0.5;

export interface Held {
  held: OpenFile[];
  /** Those of it that are sockets. */
  sockets: Known;
  /** Those that are there and nobody was seen to have to the end. */
  unseen: ListedSocket[];
}

/** What could not be looked at is counted. */
export function* heldOf(sought: Sought, scan: Scan): Steps<Held> {
  for (let attempt = 1; ; attempt++) {
    const { search, unsettled, hits, sockets, unseen } = yield* part(0, HALF, lookFor(sought, scan));
    const account = new Account();
    const held = yield* part(HALF, 1, filesOf(hits, scan, sockets, account));
    if (account.skipped.some(({ code }) => code === 'EAGAIN') && isWorthAnother(scan, attempt)) continue;
    search.count(unsettled);
    scan.account.skipAll(account);
    unseen.push(...(yield* lostOf(sought, hits, held)));
    return { held, sockets, unseen };
  }
}

interface LookedFor extends Omit<Held, 'held'> {
  search: OpenSearch;
  /** The tables that changed all the while. */
  unsettled: ReadonlySet<Table>;
  hits: Hit[];
}

/** Where a socket seems to be nobody's all is looked at twice: a list of the kernel may leave one out at times. */
function* lookFor(sought: Sought, scan: Scan): Steps<LookedFor> {
  const search = new OpenSearch(sought, scan);
  let suspects: ReadonlySet<number> | undefined;
  for (let attempt = 1; ; attempt++) {
    const unsettled = yield* settle(
      scan,
      (tables) => search.look(tables),
      () => false,
      () => false,
      () => search.isAnew,
    );
    const searched = sought.links;
    if ((yield* hasMoved(sought)) && attempt < ATTEMPTS) continue;
    const hits = yield* search.hits();
    if (hits.length === 0 && sought.findSocket !== undefined) yield* sought.findSocket();
    // A socket that had the name of a path before is looked for once nothing else was found.
    if ([...sought.links].some((link) => !searched.has(link)) && attempt < ATTEMPTS) continue;
    const sockets = sought.sockets ?? new Map<number, ListedSocket>();
    const found = new Set(hits.map(({ link }) => link));
    const unseen = [...sockets.values()].filter(({ ino }) => {
      const link = socketLink(ino);
      return searched.has(link) && !found.has(link) && suspects?.has(ino) !== false;
    });
    if (unseen.length === 0 || suspects !== undefined) return { search, unsettled, hits, sockets, unseen };
    suspects = new Set(unseen.map(({ ino }) => ino));
  }
}

/** Who has the other ends of connections that nobody has. */
export function* tellMirrors({ mirrors = new Map() }: Sought, scan: Scan): Steps<void> {
  if (mirrors.size === 0) return;
  const { held } = yield* heldOf({ links: new Set(mirrors.values()) }, scan);
  for (const [unheld, link] of mirrors) {
    const file = held.find((one) => one.link === link);
    if (file !== undefined) unheld.otherEnd = file.holders;
  }
}

/** Sockets that somebody was seen to have who let go of them before they were described, and that are still there. */
function* lostOf(sought: Sought, hits: readonly Hit[], held: readonly OpenFile[]): Steps<ListedSocket[]> {
  const told = new Set(held.map(({ link }) => link));
  const lost = new Set(hits.map(({ link }) => link).filter((link) => !told.has(link)));
  if (lost.size === 0) return [];
  yield* hasMoved(sought);
  return [...(sought.sockets?.values() ?? [])].filter(({ ino }) => lost.has(socketLink(ino)));
}
