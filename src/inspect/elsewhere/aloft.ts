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
import { type Registered, registeredWith } from './registered.ts';

/** To ask a socket may take a tenth of a millisecond. */
const BETWEEN_PAUSES = 64;
const ATTEMPTS = 4;
const IN_FLIGHT = /^scm_fds:[ \t]*[1-9]/m;

/** A descriptor of what may have the file. */
export interface Carrier extends FileRef {
  how: 'in-flight' | 'io_uring';
  sure: 'description' | 'possible';
}

/**
 * Through what a file may be held: sockets that anything is in flight to, each once, and the instances with which it is
 * registered, or may be. An instance that is busy all the while is counted as skipped.
 * @param link - what the links of the file's descriptors read
 */
export function* carriersOf({ tables, account }: Scan, link: string): Steps<Carrier[]> {
  const carriers: Carrier[] = [];
  const known = new Set<string>();
  for (const [place, { id, fds }] of tables.entries()) {
    yield place / tables.length;
    const folder = FdFolder.open(id, 'fd');
    try {
      for (const [i, fd] of fds.entries()) {
        if (i % BETWEEN_PAUSES === BETWEEN_PAUSES - 1) yield;
        const text = folder?.link(fd) ?? readLink(id, fd);
        if (text === IO_URING_LINK) {
          const registered = yield* askRing(id, fd, link);
          if (registered === 'busy') account.skip(id, 'EAGAIN', 'descriptor');
          else if (registered !== 'no')
            carriers.push({ how: 'io_uring', pid: id, fd, sure: registered === 'sure' ? 'description' : 'possible' });
        } else if (typeof text === 'string' && isSocketLink(text) && !known.has(text)) {
          known.add(text);
          if (IN_FLIGHT.test(readStart(id, `fdinfo/${fd}`)))
            carriers.push({ how: 'in-flight', pid: id, fd, sure: 'possible' });
        }
      }
    } finally {
      folder?.close();
    }
  }
  return carriers;
}

function* askRing(pid: number, fd: number, link: string): Steps<Registered> {
  let registered: Registered = 'busy';
  for (let attempt = 0; attempt < ATTEMPTS && registered === 'busy'; attempt++) {
    if (attempt > 0) yield;
    const info = readFdinfo(pid, fd);
    registered = typeof info === 'string' ? 'no' : registeredWith(info.text, link);
  }
  return registered;
}
