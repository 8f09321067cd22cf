/**
 * The sockets of a machine as the kernel lists them, each list read once for all who ask: of thousands each question by
 * itself would walk a whole table. A list may leave one out, so it is read twice before one is taken not to be there.
 */
import type { InetFilter } from '../../netlink/inet.ts';
import { isRefusal, type Refusal } from '../../netlink/sock-diag.ts';
import { dumpUnix } from '../../netlink/unix.ts';
import type { Pausing } from '../../util/drain.ts';
import { addTo } from '../../util/multimap.ts';
import type { Endpoint, InetProtocol, InetSocket, UnixSocket } from '../../util/socket.ts';
import { keyOf, listInet, localAddressesOf } from './inet-tables.ts';
import { askAt, type Place, Places } from './places.ts';
import type { SocketTables } from './socket-tables.ts';

const LISTS = 2;

/** One kind of sockets of one namespace. */
abstract class Listed<T extends { ino: number }> {
  readonly sockets = new Map<number, T>();
  refusal: Refusal | undefined;
  #lists = 0;

  *find(ino: number): Pausing<T | undefined | Refusal> {
    while (!this.sockets.has(ino) && this.refusal === undefined && this.#lists < LISTS) yield* this.read();
    return this.sockets.get(ino) ?? this.refusal;
  }

  /** All of them, or why not. */
  *all(): Pausing<Refusal | undefined> {
    if (this.#lists === 0) yield* this.read();
    return this.refusal;
  }

  protected *read(): Pausing<void> {
    this.#lists++;
    const list = yield* this.list();
    if (isRefusal(list)) {
      if (this.sockets.size === 0) this.refusal = list;
      return;
    }
    for (const socket of list) {
      if (this.sockets.has(socket.ino)) continue;
      if (socket.ino > 0) this.sockets.set(socket.ino, socket);
      this.index(socket);
    }
  }

  protected abstract list(): Pausing<Iterable<T> | Refusal>;
  protected abstract index(socket: T): void;
}

class ListedUnix extends Listed<UnixSocket> {
  /** By the inode of who waits to be accepted. */
  readonly listeners = new Map<number, UnixSocket>();
  /** By the other end. */
  readonly senders = new Map<number, UnixSocket[]>();
  readonly #place: Place;

  constructor(place: Place) {
    super();
    this.#place = place;
  }

  protected override *list(): Pausing<Iterable<UnixSocket> | Refusal> {
    const sockets = yield* askAt(this.#place, dumpUnix);
    return isRefusal(sockets) ? sockets : sockets.values();
  }

  protected override index(socket: UnixSocket): void {
    for (const client of socket.icons ?? []) this.listeners.set(client, socket);
    if (socket.peer !== undefined && socket.peer > 0) addTo(this.senders, socket.peer, socket);
  }
}

class ListedInet extends Listed<InetSocket> {
  readonly byAddresses = new Map<string, InetSocket>();
  readonly byLocal = new Map<number, InetSocket[]>();
  readonly byRemote = new Map<number, InetSocket[]>();
  readonly #place: Place;
  readonly #protocol: InetProtocol;

  constructor(place: Place, protocol: InetProtocol) {
    super();
    this.#place = place;
    this.#protocol = protocol;
  }

  protected override list(): Pausing<InetSocket[] | Refusal> {
    return listInet(this.#place, this.#protocol, {});
  }

  /** Those without an inode have nothing else that would tell that they were listed before. */
  protected override index(socket: InetSocket): void {
    const key = keyOf(socket.local, socket.remote);
    if (socket.ino === 0 && this.byAddresses.has(key)) return;
    this.byAddresses.set(key, socket);
    addTo(this.byLocal, socket.local.port, socket);
    addTo(this.byRemote, socket.remote.port, socket);
  }
}

/** What was listed since {@link ListedSockets.forget}. */
export class ListedSockets implements SocketTables {
  readonly #places = new Map<number, Places>();
  readonly #unix = new Map<string, ListedUnix>();
  readonly #inet = new Map<string, ListedInet>();
  readonly #addresses = new Map<string, ReadonlySet<string>>();

  forget(): void {
    this.#unix.clear();
    this.#inet.clear();
    this.#addresses.clear();
  }

  placesOf(pid: number): Places {
    return known(this.#places, pid, () => new Places(pid));
  }

  unix(place: Place, ino: number): Pausing<UnixSocket | undefined | Refusal> {
    return this.#unixAt(place).find(ino);
  }

  *listenerOf(place: Place, client: number): Pausing<UnixSocket | undefined> {
    const listed = this.#unixAt(place);
    yield* listed.all();
    return listed.listeners.get(client);
  }

  *senders(place: Place, ino: number): Pausing<UnixSocket[] | Refusal> {
    const listed = this.#unixAt(place);
    return (yield* listed.all()) ?? listed.senders.get(ino) ?? [];
  }

  find(place: Place, protocol: InetProtocol, ino: number): Pausing<InetSocket | undefined | Refusal> {
    return this.#inetAt(place, protocol).find(ino);
  }

  *match(
    place: Place,
    protocol: InetProtocol,
    local: Endpoint,
    remote: Endpoint,
  ): Pausing<InetSocket | undefined | Refusal> {
    const listed = this.#inetAt(place, protocol);
    return (yield* listed.all()) ?? listed.byAddresses.get(keyOf(local, remote));
  }

  *list(
    place: Place,
    protocol: InetProtocol,
    { states, localPort, remotePort }: InetFilter,
  ): Pausing<InetSocket[] | Refusal> {
    const listed = this.#inetAt(place, protocol);
    const refusal = yield* listed.all();
    if (refusal !== undefined) return refusal;
    const some = localPort !== undefined ? listed.byLocal.get(localPort) : listed.byRemote.get(remotePort ?? 0);
    return (some ?? []).filter(
      ({ state, remote }) =>
        (states === undefined || states.includes(state)) && (remotePort === undefined || remote.port === remotePort),
    );
  }

  localAddresses(place: Place): ReadonlySet<string> {
    return known(this.#addresses, nameOf(place), () => localAddressesOf(place));
  }

  #unixAt(place: Place): ListedUnix {
    return known(this.#unix, nameOf(place), () => new ListedUnix(place));
  }

  #inetAt(place: Place, protocol: InetProtocol): ListedInet {
    return known(this.#inet, `${protocol} ${nameOf(place)}`, () => new ListedInet(place, protocol));
  }
}

/** Without a number it is the calling thread's own, or that of the task, which /proc alone tells of. */
const nameOf = ({ namespace, tasks }: Place): string => `${namespace ?? tasks[0]}`;

function known<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
