/**
 * Files that no table has: in flight over a unix socket, or registered with an io_uring instance. How many are in flight to
 * a socket the kernel tells, and never which.
 *
 * Sources: unix_show_fdinfo() of net/unix/af_unix.c, since Linux 5.6; io_uring/fdinfo.c.
 */
import type { FileRef } from '../../binding/kcmp.ts';
import { isRefusal } from '../../netlink/sock-diag.ts';
import { listEmptyUnix } from '../../netlink/unix.ts';
import { readFdinfo } from '../../procfs/fdinfo.ts';
import { readLink } from '../../procfs/fd.ts';
import { inodeOf, IO_URING_LINK, isSocketLink } from '../../procfs/link.ts';
import { FdFolder } from '../../procfs/raw/fd-directory.ts';
import { readStart } from '../../procfs/raw/start.ts';
import { type Steps, WALK } from '../../scan/steps.ts';
import type { Scan } from '../../scan/tables.ts';
import { listInet } from '../peers/inet-tables.ts';
import { askAt, Places } from '../peers/places.ts';
import { type Registered, tellsFiles } from './registered.ts';

/** To ask a socket may take a tenth of a millisecond. */
const BETWEEN_PAUSES = 64;
const ATTEMPTS = 4;
/** Of more sockets the kernel's lists are read first, a microsecond each: to ask one takes ten and more. */
const MANY = 500;
const IN_FLIGHT = /^scm_fds:[ \t]*[1-9]/m;

/** Sockets that anything is in flight to, each once, and io_uring instances with what they say of their files. */
export interface Aloft {
  inFlight: FileRef[];
  rings: Array<FileRef & { text: string }>;
}

/**
 * Looks for them in all tables. An instance that is busy all the while is counted as skipped.
 * @param sockets - those of other tables, by inode, which gets those of these
 */
export function* lookAloft(
  { tables, account }: Pick<Scan, 'tables' | 'account'>,
  sockets: Map<number, FileRef> = new Map(),
): Steps<Aloft> {
  const aloft: Aloft = { inFlight: [], rings: [] };
  for (const [place, { id, fds }] of tables.entries()) {
    yield place / tables.length;
    const folder = FdFolder.open(id, 'fd');
    try {
      for (const [i, fd] of fds.entries()) {
        if (i % BETWEEN_PAUSES === BETWEEN_PAUSES - 1) yield;
        const link = folder?.link(fd) ?? readLink(id, fd);
        if (link === IO_URING_LINK) {
          const text = yield* readRing(id, fd);
          if (text === undefined) account.skip(id, 'EAGAIN', 'descriptor');
          else aloft.rings.push({ pid: id, fd, text });
        } else if (typeof link === 'string' && isSocketLink(link)) sockets.set(inodeOf(link), { pid: id, fd });
      }
    } finally {
      folder?.close();
    }
  }
  const idle = sockets.size > MANY ? yield* idleSockets() : undefined;
  let asked = 0;
  for (const [ino, socket] of sockets) {
    if (idle?.has(ino) === true) continue;
    if (++asked % BETWEEN_PAUSES === 0) yield;
    if (IN_FLIGHT.test(readStart(socket.pid, `fdinfo/${socket.fd}`))) aloft.inFlight.push(socket);
  }
  return aloft;
}

/** Those to which nothing is in flight, of all network namespaces that can be asked: empty streams, TCP and UDP. */
function* idleSockets(): Steps<ReadonlySet<number>> {
  const idle = new Set<number>();
  const addAll = function* (inos: readonly number[]): Steps<void> {
    for (const [i, ino] of inos.entries()) {
      if (i % WALK === 0) yield;
      idle.add(ino);
    }
  };
  for (const place of new Places(process.pid)) {
    yield;
    if (place === undefined) continue;
    const unix = yield* askAt(place, listEmptyUnix);
    if (!isRefusal(unix)) yield* addAll(unix);
    for (const protocol of ['tcp', 'udp'] as const) {
      const inet = yield* listInet(place, protocol, {});
      if (!isRefusal(inet)) yield* addAll(inet.map(({ ino }) => ino));
    }
  }
  return idle;
}

/** What an instance says. Undefined while it is busy; nothing where it is closed by now, or may not be read. */
export function* readRing(pid: number, fd: number): Steps<string | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) yield;
    const info = readFdinfo(pid, fd);
    if (typeof info === 'string') return '';
    if (tellsFiles(info.text)) return info.text;
  }
  return undefined;
}

/** A descriptor of what has, or may have, a file. */
export interface Carrier extends FileRef {
  how: 'in-flight' | 'io_uring';
  sure: 'description' | 'possible';
}

/** @param isWith - whether a file is registered with an instance that says this */
export function carriersIn({ inFlight, rings }: Aloft, isWith: (text: string) => Registered): Carrier[] {
  const carriers: Carrier[] = [];
  for (const { pid, fd, text } of rings) {
    const registered = isWith(text);
    if (registered !== 'no')
      carriers.push({ how: 'io_uring', pid, fd, sure: registered === 'sure' ? 'description' : 'possible' });
  }
  for (const { pid, fd } of inFlight) carriers.push({ how: 'in-flight', pid, fd, sure: 'possible' });
  return carriers;
}
