/**
 * A socket that is known by its inode, looked up in the tables of the kernel: which protocol, which name or addresses,
 * which state.
 *
 *   its task's network namespace ── by netlink, and where that is refused by /proc/PID/net, which tells less
 *        └─ not there: it may be of another one, as an accepted unix socket is of its client's
 *
 * Source: net/core/sock_diag.c, proc_pid_net(5).
 */
import { readInet, readUnixListing } from '../procfs/net.ts';
import { threadsOf } from '../procfs/processes.ts';
import type { Pausing } from '../util/drain.ts';
import { INET_TABLES, type InetSocket, type InetTable, type UnixListing, type UnixSocket } from '../util/socket.ts';
import { lookUpInet } from './inet.ts';
import { mountedNamespaces } from './namespace-files.ts';
import { type NetNamespaces, netNamespaces, openSockDiag, type Way } from './namespaces.ts';
import { socketProtocol } from './protocol.ts';
import { isRefusal, type LookUp, type Refusal, type SockDiag } from './sock-diag.ts';
import { lookUpUnix } from './unix.ts';

/** A socket as far as it could be looked up. */
export interface FoundSocket {
  /** The kernel's name of its protocol, as {@link socketProtocol} has it; undefined where that may not be asked. */
  protocol: string | undefined;
  /** What the kernel's tables say of it. A {@link UnixSocket} has `peer`, a listing of /proc has not. */
  socket: UnixSocket | UnixListing | InetSocket | undefined;
  /** Why it may be in a table all the same that could not be looked at; also where `socket` is only a listing. */
  refusal: Refusal | undefined;
}

export const isInetSocket = (socket: object | undefined): socket is InetSocket =>
  socket !== undefined && 'protocol' in socket;

type Answer = Pick<FoundSocket, 'socket' | 'refusal'>;

/** A task that has ended is in no namespace. */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ESRCH']);
const UNIX = 'unix';
type AnyTable = InetTable | typeof UNIX;

const ALL: readonly AnyTable[] = [UNIX, ...INET_TABLES];

/** The tables in which a socket of a protocol can be; none for those that have no such table, or none that is asked here. */
function tablesOf(protocol: string | undefined): readonly AnyTable[] {
  if (protocol === undefined) return ALL;
  if (protocol.startsWith('UNIX')) return [UNIX];
  const [, name, six] = /^M?P?(TCP|UDP)(v6)?$/.exec(protocol) ?? [];
  const family = six === undefined ? 4 : 6;
  return INET_TABLES.filter((table) => table.protocol === name?.toLowerCase() && table.family === family);
}

/** Looks sockets up. What it opens for that stays open until {@link Sockets.close}, after which it opens it anew. */
export class Sockets {
  readonly #tasks: () => Iterable<number>;
  readonly #diags = new Map<number, SockDiag | Refusal>();
  readonly #ahead: ReadonlySet<number>;
  /** What was looked up ahead, by inode, which is the same in every namespace. */
  readonly #known = new Map<number, UnixSocket | InetSocket>();
  /** The namespaces and protocols of which that was done. */
  readonly #read = new Set<string>();
  #others: NetNamespaces | undefined;
  #mounted: NetNamespaces<Way> | undefined;

  /**
   * @param tasks - in whose network namespaces a socket may be that is not in its own task's; asked for when that happens
   * @param ahead - inodes that will be asked for: many are looked up together, since each alone reads a whole table
   */
  constructor(tasks: () => Iterable<number>, ahead: Iterable<number> = []) {
    this.#tasks = tasks;
    this.#ahead = new Set(ahead);
  }

  close(): void {
    for (const diag of this.#diags.values()) if (!isRefusal(diag)) diag.close();
    this.#diags.clear();
  }

  /**
   * The socket of a descriptor.
   * @param ino - its inode, which names it in every namespace
   * @throws Error `ERR_NETWORK_NAMESPACE_LOST`
   */
  *find(pid: number, fd: number, ino: number): Pausing<FoundSocket> {
    const known = this.#known.get(ino);
    // A unix socket tells all of itself: to ask it for its protocol takes longer than all the rest.
    const told = known === undefined || isInetSocket(known) ? socketProtocol(pid, fd) : '';
    const protocol = typeof told === 'string' ? undefined : told.protocol;
    if (known !== undefined) return { protocol, socket: known, refusal: undefined };
    const tables = tablesOf(protocol);
    let refusal: Refusal | undefined;
    if (tables.length === 0) return { protocol, socket: undefined, refusal };
    const looked = new Set<number>();
    const all: ReadonlyArray<() => NetNamespaces<Way>> = [
      () => netNamespaces([pid]),
      () => (this.#others ??= netNamespaces(this.#tasks())),
      () => netNamespaces(threadsOf(pid)),
      () => (this.#mounted ??= netNamespaces<Way>(mountedNamespaces())),
    ];
    for (const namespaces of all) {
      const { ways, unseen } = namespaces();
      for (const [namespace, some] of ways) {
        if (looked.has(namespace)) continue;
        looked.add(namespace);
        const answer = yield* this.#lookIn(namespace, some, ino, tables);
        if (answer.socket !== undefined) return { protocol, ...answer };
        refusal ??= answer.refusal;
      }
      const hidden = unseen.find(({ code }) => !GONE.has(code));
      if (hidden !== undefined) refusal ??= { refused: 'no-namespace', code: hidden.code };
    }
    return { protocol, socket: undefined, refusal };
  }

  /** What asks about a namespace, for all who want to know. */
  diagOf(namespace: number, ways: readonly Way[]): SockDiag | Refusal {
    const known = this.#diags.get(namespace);
    if (known !== undefined) return known;
    const diag = openSockDiag(namespace, ways);
    this.#diags.set(namespace, diag);
    return diag;
  }

  *#lookIn(namespace: number, ways: readonly Way[], ino: number, tables: readonly AnyTable[]): Pausing<Answer> {
    const diag = this.diagOf(namespace, ways);
    const answer: Answer = isRefusal(diag)
      ? { socket: undefined, refusal: diag }
      : yield* this.#askAhead(namespace, diag, ino, tables);
    if (answer.refusal === undefined || answer.socket !== undefined) return answer;
    const [way] = ways;
    const listed = typeof way === 'number' ? readFiles(way, ino, tables) : undefined;
    if (listed === undefined) return answer;
    // Files that were read, and have no such socket, settle it as well.
    return listed === null ? NOT_THERE : { socket: listed, refusal: answer.refusal };
  }

  *#askAhead(namespace: number, diag: SockDiag, ino: number, tables: readonly AnyTable[]): Pausing<Answer> {
    if (!this.#ahead.has(ino)) return yield* ask(diag, ino, tables);
    const [first] = tables;
    const key = `${namespace} ${tables.length} ${first === undefined || first === UNIX ? UNIX : first.protocol + first.family}`;
    if (!this.#read.has(key)) {
      this.#read.add(key);
      for (const [ino, socket] of yield* lookUpAll(diag, this.#ahead, tables)) this.#known.set(ino, socket);
    }
    const socket = this.#known.get(ino);
    return socket === undefined ? yield* ask(diag, ino, tables) : { socket, refusal: undefined };
  }
}

/** All of these that the tables have. */
function* lookUpAll(
  diag: SockDiag,
  inos: Iterable<number>,
  tables: readonly AnyTable[],
): Pausing<Array<[ino: number, UnixSocket | InetSocket]>> {
  const inet = tables.filter((table) => table !== UNIX);
  return [
    ...(tables.includes(UNIX) ? (yield* lookUpUnix(diag, inos)).found : []),
    ...(inet.length > 0 ? (yield* lookUpInet(diag, inos, inet)).found : []),
  ];
}

const NOT_THERE: Answer = { socket: undefined, refusal: undefined };

function* ask(diag: SockDiag, ino: number, tables: readonly AnyTable[]): Pausing<Answer> {
  const answers: Array<LookUp<UnixSocket | InetSocket>> = [];
  if (tables.includes(UNIX)) answers.push(yield* lookUpUnix(diag, [ino]));
  const inet = tables.filter((table) => table !== UNIX);
  if (answers[0]?.found.has(ino) !== true && inet.length > 0) answers.push(yield* lookUpInet(diag, [ino], inet));
  const socket = answers.map(({ found }) => found.get(ino)).find((found) => found !== undefined);
  return { socket, refusal: socket === undefined ? answers.find(({ refusal }) => refusal)?.refusal : undefined };
}

/** What the files of a task's network namespace say; null that there is none, undefined that one could not be read. */
function readFiles(pid: number, ino: number, tables: readonly AnyTable[]): UnixListing | InetSocket | null | undefined {
  let isWhole = true;
  for (const table of tables) {
    const sockets = table === UNIX ? readUnixListing(pid) : readInet(pid, table);
    if (typeof sockets === 'string') isWhole = false;
    else for (const socket of sockets) if (socket.ino === ino) return socket;
  }
  return isWhole ? null : undefined;
}
