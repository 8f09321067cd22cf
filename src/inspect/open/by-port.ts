/** A local port of TCP and UDP, and of UDP-Lite where no protocol is named, in every network namespace that may be asked. */
import { netNamespaces, openSockDiag } from '../../netlink/namespaces.ts';
import { isRefusal } from '../../netlink/sock-diag.ts';
import type { Coverage } from '../../scan/coverage.ts';
import type { Steps } from '../../scan/steps.ts';
import type { PortReference } from '../../util/reference.ts';
import type { InetSocket } from '../../util/socket.ts';
import { endName } from '../peers/name.ts';
import { socketLink } from '../peers/socket.ts';
import { Namespaces } from './namespaces.ts';
import type { Blind, ListedSocket, Sought, Unheld } from './sought.ts';

/** Before Linux 6.8 a TCP socket that is bound and nothing else was in no list. */
function listsBound(): boolean {
  const [major = 0, minor = 0] = process.getBuiltinModule('node:os').release().split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 8);
}

const ANY = '0.0.0.0';
const isV4 = (address: string): boolean => !address.includes(':') || address.startsWith('::ffff:');

/** Whether a socket is bound to one of these addresses, or to all and so to them; all of IPv4 it shares with each of them. */
function hasAddress({ local, remote, v6only }: InetSocket, addresses: readonly string[] | undefined): boolean {
  if (addresses === undefined || addresses.includes(local.address)) return true;
  if (addresses.includes(ANY) && isV4(local.address)) return true;
  if (remote.port !== 0) return false;
  if (local.address === ANY) return addresses.some((address) => !address.includes(':'));
  return local.address === '::' && (v6only !== true || addresses.some((address) => address.includes(':')));
}

/** Not accepted yet, which has no inode before it is, or nobody's any more. */
const stateOf = ({ state }: InetSocket): string =>
  state === 'ESTABLISHED' || state === 'CLOSE_WAIT' || state === 'SYN_RECV' ? 'not-accepted' : state;

export class SoughtPort implements Sought {
  links: ReadonlySet<string> = new Set();
  sockets: ReadonlyMap<number, ListedSocket> = new Map();
  unheld: readonly Unheld[] = [];
  mirrors: ReadonlyMap<Unheld, string> = new Map();
  blind: readonly Blind[] = [];
  readonly #reference: PortReference;
  readonly #namespaces = new Namespaces();
  #facts: string | undefined;

  constructor(reference: PortReference) {
    this.#reference = reference;
  }

  get foreign(): ReadonlySet<number> {
    return this.#namespaces.foreign;
  }

  see(pid: number, fd: number, link: string): void {
    this.#namespaces.see(pid, fd, link);
  }

  /** A socket that the kernel does not list is nobody's, be he of this network namespace, where it told all. */
  isNobodys({ skipped }: Coverage): boolean {
    if (this.links.size + this.blind.length > 0 || !listsBound()) return false;
    const { own, ways, unseen } = netNamespaces(skipped.map(({ pid }) => pid));
    if (unseen.length > 0 || [...ways.keys()].some((namespace) => namespace !== own)) return false;
    const diag = openSockDiag();
    if (isRefusal(diag)) return false;
    diag.close();
    return true;
  }

  *hasMoved(): Steps<boolean> {
    const { protocols, port, addresses } = this.#reference;
    const held = new Map<number, InetSocket>();
    const unheld = new Map<string, Unheld>();
    const blind: Blind[] = [];
    const mirrors = new Map<Unheld, string>();
    for (const protocol of protocols) {
      const listed = yield* this.#namespaces.inet(protocol, port);
      blind.push(...listed.blind);
      for (const socket of listed.sockets) {
        if (!hasAddress(socket, addresses)) continue;
        if (socket.ino > 0) held.set(socket.ino, socket);
        else {
          const one: Unheld = { name: endName(socket), state: stateOf(socket) };
          unheld.set(`${socket.state} ${one.name}`, one);
          const mirror = this.#namespaces.mirrors.get(socket);
          if (mirror !== undefined) mirrors.set(one, socketLink(mirror));
        }
      }
    }
    // Of which it is asked by a number alone, that may be of any.
    const lite = protocols.length > 1 ? (yield* this.#namespaces.lite(port)).sockets : [];
    const others = lite.filter((socket) => socket.ino > 0 && hasAddress(socket, addresses));
    this.blind = blind;
    this.unheld = [...unheld.values()];
    this.mirrors = mirrors;
    this.sockets = held;
    this.links = new Set([...held.keys(), ...others.map(({ ino }) => ino)].map(socketLink));
    // Connections come and go all the time where a server is busy.
    const facts = [...held.values(), ...others].filter(({ remote }) => remote.port === 0).map(({ ino }) => ino);
    const before = this.#facts;
    this.#facts = facts.sort((a, b) => a - b).join();
    return before !== undefined && before !== this.#facts;
  }
}
