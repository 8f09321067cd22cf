/** Sockets of every network namespace that may be asked, by name or by port; of which one may not is told. */
import type { FileRef } from '../../binding/kcmp.ts';
import { isNetNamespace } from '../../netlink/namespace-files.ts';
import { isRefusal, type Refusal } from '../../netlink/sock-diag.ts';
import { dumpUnix, lookUpUnix } from '../../netlink/unix.ts';
import { lookUpInet } from '../../netlink/inet.ts';
import { readLite, readUnixListing } from '../../procfs/net.ts';
import type { Steps } from '../../scan/steps.ts';
import type { InetProtocol, InetSocket, SocketState, UnixListing, UnixSocket } from '../../util/socket.ts';
import { listInet, matchInet } from '../peers/inet-tables.ts';
import { askAt, isGone, type Place, Places, whyRefused } from '../peers/places.ts';
import type { Blind, ListedSocket } from './sought.ts';

/** What was found, and where it could not be looked for. */
export interface Listed<T> {
  sockets: T[];
  blind: Blind[];
}

/** States of a connection that was closed here, and perhaps not at its other end. */
const LIVING: ReadonlySet<SocketState> = new Set(['FIN_WAIT1', 'FIN_WAIT2', 'CLOSING']);
/** Of more it is not told. */
const FEW = 16;

export class Namespaces {
  readonly #places = new Places(process.pid);
  /** By a connection that nobody has: the inode of its other end in the same namespace. */
  readonly mirrors: WeakMap<InetSocket, number> = new WeakMap();
  /** The inodes of those that were found in another namespace than this process'. */
  readonly foreign: Set<number> = new Set();

  /** Why of some unix sockets only the names could be read. */
  whyNames = '';

  /** Of what keeps one in which there may be no task. */
  readonly #seen = new Map<string, FileRef>();

  /** @param link - of a descriptor, which may be of a namespace */
  see(pid: number, fd: number, link: string): void {
    if (isNetNamespace(link)) this.#seen.set(link, { pid, fd });
  }

  *#list<T extends { ino: number }>(ask: (place: Place) => Steps<T[] | Refusal>): Steps<Listed<T>> {
    const listed: Listed<T> = { sockets: [], blind: [] };
    for (const [text, file] of this.#seen) yield* this.#places.add(file, text);
    let isOwn = true;
    for (const place of this.#places) {
      const answer = place === undefined ? [] : yield* ask(place);
      if (!isRefusal(answer))
        for (const socket of answer) {
          listed.sockets.push(socket);
          if (!isOwn) this.foreign.add(socket.ino);
        }
      else if (!isGone(answer))
        listed.blind.push({ pid: place?.tasks[0] ?? process.pid, code: answer.code, reason: whyRefused(answer) });
      isOwn = false;
      yield;
    }
    return listed;
  }

  /** With a name as it was bound, or with a file; where the kernel cannot be asked the lists of /proc tell the names. */
  unix(isIt: (socket: UnixSocket | UnixListing) => boolean): Steps<Listed<UnixSocket | UnixListing>> {
    const list = function* (this: Namespaces, place: Place): Steps<Array<UnixSocket | UnixListing> | Refusal> {
      const all = yield* askAt(place, dumpUnix);
      if (!isRefusal(all)) return [...all.values()].filter(isIt);
      const [task] = place.tasks;
      const listing = task === undefined ? 'ESRCH' : readUnixListing(task);
      if (typeof listing === 'string') return all;
      this.whyNames = whyRefused(all);
      return listing.filter(isIt);
    };
    return this.#list(list.bind(this));
  }

  /** With a local port. */
  inet(protocol: InetProtocol, localPort: number): Steps<Listed<InetSocket>> {
    const { mirrors } = this;
    return this.#list(function* (place) {
      const list = yield* listInet(place, protocol, { localPort });
      const unheld = isRefusal(list) ? [] : list.filter(({ ino, state }) => ino === 0 && LIVING.has(state));
      for (const one of unheld.slice(0, FEW)) {
        const mirror = yield* matchInet(place, protocol, one.remote, one.local);
        if (mirror !== undefined && !isRefusal(mirror) && mirror.ino > 0) mirrors.set(one, mirror.ino);
      }
      return list;
    });
  }

  /** Of UDP-Lite, which netlink does not list, as if they were of UDP. */
  lite(localPort: number): Steps<Listed<InetSocket>> {
    return this.#list(function* ({ tasks: [task] }) {
      yield;
      return task === undefined ? [] : readLite(task).filter(({ local }) => local.port === localPort);
    });
  }

  /** With an inode, whatever it is. */
  byInode(ino: number): Steps<Listed<ListedSocket>> {
    return this.#list<ListedSocket>((place) =>
      askAt(place, function* (diag) {
        const unix = yield* lookUpUnix(diag, [ino]);
        const found = unix.found.size > 0 ? unix : yield* lookUpInet(diag, [ino]);
        const refusal = unix.refusal ?? found.refusal;
        return found.found.size === 0 && refusal !== undefined ? refusal : [...found.found.values()];
      }),
    );
  }
}
