/**
 * Files that no table has: in flight over a unix socket, or registered with an io_uring instance. How many are in flight to
 * a socket the kernel tells, and never which.
 *
 * Sources: unix_show_fdinfo() of net/unix/af_unix.c, since Linux 5.6; io_uring/fdinfo.c.
 */
import type { FileRef } from '../../binding/kcmp.ts';
import { readFdinfo } from '../../procfs/fdinfo.ts';
import { readLink } from '../../procfs/fd.ts';
import { IO_URING_LINK, isSocketLink } from '../../procfs/link.ts';
import { FdFolder } from '../../procfs/raw/fd-directory.ts';
import { readStart } from '../../procfs/raw/start.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Scan } from '../../scan/tables.ts';
import { type Registered, tellsFiles } from './registered.ts';

/** To ask a socket may take a tenth of a millisecond. */
const BETWEEN_PAUSES = 64;
const ATTEMPTS = 4;
const IN_FLIGHT = /^scm_fds:[ \t]*[1-9]/m;

/** Sockets that anything is in flight to, each once, and io_uring instances with what they say of their files. */
export interface Aloft {
  inFlight: FileRef[];
  rings: Array<FileRef & { text: string }>;
}

/** Looks for them in all tables. An instance that is busy all the while is counted as skipped. */
export function* lookAloft({ tables, account }: Scan): Steps<Aloft> {
  const aloft: Aloft = { inFlight: [], rings: [] };
  const known = new Set<string>();
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
        } else if (typeof link === 'string' && isSocketLink(link) && !known.has(link)) {
          known.add(link);
          if (IN_FLIGHT.test(readStart(id, `fdinfo/${fd}`))) aloft.inFlight.push({ pid: id, fd });
        }
      }
    } finally {
      folder?.close();
    }
  }
  return aloft;
}

/** Undefined while it is busy; nothing where it is closed by now, or may not be read. */
function* readRing(pid: number, fd: number): Steps<string | undefined> {
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
