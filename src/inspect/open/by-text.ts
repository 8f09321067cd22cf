/** What is known by the text of its link: a socket or a pipe by its inode, a memfd by its name, an abstract unix socket. */
import { DELETED, inodeOf, isSocketLink } from '../../procfs/link.ts';
import { kindAt } from '../../procfs/kind.ts';
import type { Steps } from '../../scan/steps.ts';
import type { UnixListing, UnixSocket } from '../../util/socket.ts';
import { socketLink } from '../peers/socket.ts';
import { Namespaces } from './namespaces.ts';
import type { Blind, ListedSocket, Sought } from './sought.ts';

/** `socket:[4711]` or `pipe:[4711]`: one inode, of which a socket has one description. */
export class SoughtLink implements Sought {
  readonly links: ReadonlySet<string>;
  sockets: ReadonlyMap<number, ListedSocket> = new Map();
  blind: readonly Blind[] = [];
  readonly #namespaces = new Namespaces();

  constructor(link: string) {
    this.links = new Set([link]);
  }

  see(pid: number, fd: number, link: string): void {
    this.#namespaces.see(pid, fd, link);
  }

  *findSocket(): Steps<void> {
    const [link = ''] = this.links;
    if (!isSocketLink(link)) return;
    const { sockets, blind } = yield* this.#namespaces.byInode(inodeOf(link));
    this.blind = blind;
    this.sockets = new Map(sockets.map((socket) => [socket.ino, socket]));
  }
}

/** `memfd:name`: any number of them, since the name is nobody's. */
export class SoughtMemfd implements Sought {
  readonly links: ReadonlySet<string> = new Set();
  readonly text: string;

  constructor(name: string) {
    this.text = `/memfd:${name}${DELETED}`;
  }

  /** A file may be called so too. */
  isProven(pid: number, fd: number, link: string): boolean {
    return kindAt(pid, fd, link) === 'memfd';
  }
}

/** Names are padded with NUL by who binds all of a struct sockaddr_un, and lists print an `@` for each. */
const isNamed = (name: string | undefined, wanted: string): boolean =>
  name?.startsWith('@') === true &&
  (name === wanted || name.replace(/\0+$/, '') === wanted || name.replaceAll('\0', '@') === wanted);

type UnixSockets = Array<UnixSocket | UnixListing>;

/** Sockets of AF_UNIX: who listens, and whom it has accepted. */
export class SoughtUnix implements Sought {
  links: ReadonlySet<string> = new Set();
  sockets: ReadonlyMap<number, ListedSocket> = new Map();
  blind: readonly Blind[] = [];
  readonly #isIt: (socket: UnixSocket | UnixListing) => boolean;
  readonly #choose: (sockets: UnixSockets) => UnixSockets;
  readonly #namespaces = new Namespaces();
  #facts: string | undefined;

  /** @param choose - which of those that may be it are told */
  constructor(
    isIt: (socket: UnixSocket | UnixListing) => boolean,
    choose: (sockets: UnixSockets) => UnixSockets = (sockets) => sockets,
  ) {
    this.#isIt = isIt;
    this.#choose = choose;
  }

  /** Why of some only the names could be read. */
  get whyNames(): string {
    return this.#namespaces.whyNames;
  }

  get foreign(): ReadonlySet<number> {
    return this.#namespaces.foreign;
  }

  see(pid: number, fd: number, link: string): void {
    this.#namespaces.see(pid, fd, link);
  }

  /** With an abstract name: one that begins so and has a file is another one. */
  static named(name: string): SoughtUnix {
    return new SoughtUnix((socket) => isNamed(socket.name, name) && !('vfs' in socket && socket.vfs !== undefined));
  }

  *hasMoved(): Steps<boolean> {
    const { sockets: found, blind } = yield* this.#namespaces.unix(this.#isIt);
    const sockets = this.#choose(found);
    this.blind = blind;
    this.sockets = new Map(sockets.map((socket) => [socket.ino, socket]));
    this.links = new Set([...this.sockets.keys()].map(socketLink));
    // Connections come and go all the time where a server is busy.
    const facts = sockets.filter(({ state }) => state !== 'ESTABLISHED').map(({ ino }) => ino);
    const before = this.#facts;
    this.#facts = facts.sort((a, b) => a - b).join();
    return before !== undefined && before !== this.#facts;
  }
}
