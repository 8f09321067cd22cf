/** TCP and UDP sockets of one network namespace: as the kernel lists them, or where it cannot be asked /proc/PID/net. */
import { dumpInet, getInet, type InetFilter, lookUpInet } from '../../netlink/inet.ts';
import { netNamespaces } from '../../netlink/namespaces.ts';
import { isRefusal, type Refusal } from '../../netlink/sock-diag.ts';
import { readInet } from '../../procfs/net.ts';
import { readLocalAddresses } from '../../procfs/net/local-addresses.ts';
import type { Pausing } from '../../util/drain.ts';
import { type Endpoint, INET_TABLES, type InetProtocol, type InetSocket } from '../../util/socket.ts';
import { askAt, type Place } from './places.ts';

const SELF = 'thread-self';
/** So many tasks of a namespace are tried. */
const TASKS = 16;

const tablesOf = (protocol: InetProtocol): typeof INET_TABLES =>
  INET_TABLES.filter((table) => table.protocol === protocol);

const isSame = (a: Endpoint, b: Endpoint): boolean => a.address === b.address && a.port === b.port;

/** The sockets that pass a filter. */
export function* listInet(place: Place, protocol: InetProtocol, filter: InetFilter): Pausing<InetSocket[] | Refusal> {
  const answer = yield* askAt(place, function* (diag) {
    const lists: Array<InetSocket[] | Refusal> = [];
    for (const table of tablesOf(protocol)) lists.push(yield* dumpInet(diag, table, filter));
    const found = lists.flatMap((list) => (isRefusal(list) ? [] : list));
    // A kernel without IPv6 has one of the two tables.
    return lists.every(isRefusal) ? (lists[0] as Refusal) : found;
  });
  if (!isRefusal(answer)) return answer;
  const { states, localPort, remotePort } = filter;
  return (
    readListed(place, protocol)?.filter(
      ({ state, local, remote }) =>
        (states === undefined || states.includes(state)) &&
        (localPort === undefined || local.port === localPort) &&
        (remotePort === undefined || remote.port === remotePort),
    ) ?? answer
  );
}

/** The tasks by which /proc tells of a namespace: this thread, where none was seen to be in its own. */
function readersOf({ namespace, tasks, file }: Place): ReadonlyArray<number | typeof SELF> {
  const isOwn = tasks.length === 0 && namespace !== undefined && file === undefined;
  return isOwn ? [SELF] : tasks;
}

function readListed(place: Place, protocol: InetProtocol): InetSocket[] | undefined {
  const { namespace } = place;
  for (const pid of readersOf(place).slice(0, TASKS)) {
    const lists = tablesOf(protocol).map((table) => readInet(pid, table));
    if (pid !== SELF && namespace !== undefined && !netNamespaces([pid]).ways.has(namespace)) continue;
    if (lists.some((list) => typeof list !== 'string'))
      return lists.flatMap((list) => (typeof list === 'string' ? [] : list));
  }
  return undefined;
}

/** The addresses of a namespace's own interfaces; none where no task is in it that could be asked. */
export function localAddressesOf(place: Place): ReadonlySet<string> {
  const [task] = readersOf(place);
  return task === undefined ? new Set() : readLocalAddresses(task);
}

/** The socket with an inode. */
export function* findInet(
  place: Place,
  protocol: InetProtocol,
  ino: number,
): Pausing<InetSocket | undefined | Refusal> {
  const answer = yield* askAt(place, function* (diag) {
    const { found, refusal } = yield* lookUpInet(diag, [ino], tablesOf(protocol));
    return found.get(ino) ?? refusal;
  });
  if (!isRefusal(answer)) return answer;
  const listed = readListed(place, protocol);
  return listed === undefined ? answer : listed.find((socket) => socket.ino === ino);
}

/** The socket with these addresses: the kernel finds it at once, but for one that is bound to a device. */
export function* matchInet(
  place: Place,
  protocol: InetProtocol,
  local: Endpoint,
  remote: Endpoint,
): Pausing<InetSocket | undefined | Refusal> {
  const answer = yield* askAt(place, (diag) => getInet(diag, protocol, local, remote));
  if (answer !== undefined && !isRefusal(answer) && answer.exact) return answer.socket;
  const listed = yield* listInet(place, protocol, { localPort: local.port, remotePort: remote.port });
  if (isRefusal(listed)) return listed;
  return listed.find((socket) => isSame(socket.local, local) && isSame(socket.remote, remote));
}

const isV6 = (address: string): boolean => address.includes(':');

/** Whether a socket that is bound so gets what is sent there. */
export const takes = ({ local, v6only }: InetSocket, { address, port }: Endpoint): boolean =>
  local.port === port &&
  (local.address === address ||
    (local.address === '::' && (isV6(address) || v6only !== true)) ||
    (local.address === '0.0.0.0' && !isV6(address)));

/** Of those that would get it, the ones that are bound to the very address come first, and alone. */
export function takersOf(sockets: readonly InetSocket[], to: Endpoint): InetSocket[] {
  const takers = sockets.filter((socket) => takes(socket, to));
  const exact = takers.filter(({ local }) => local.address === to.address);
  return exact.length > 0 ? exact : takers;
}

/** What two sockets that are mirrored have in common, turned round. */
export const keyOf = (local: Endpoint, remote: Endpoint): string =>
  `${local.address} ${local.port} ${remote.address} ${remote.port}`;
