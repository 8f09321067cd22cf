/**
 * Files that no table has: in flight over a unix socket, or registered with an io_uring instance. The kernel tells how
 * many there are, and never quite which, so that this says no more than whether a file could be one of them.
 *
 * Sources: unix_show_fdinfo() of net/unix/af_unix.c, since Linux 5.6; io_uring_show_fdinfo() of io_uring/fdinfo.c.
 */
import { readFdinfo } from '../../procfs/fdinfo.ts';
import { readLink } from '../../procfs/fd.ts';
import { isSocketLink } from '../../procfs/link.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Scan } from '../../scan/tables.ts';

const IO_URING_LINK = 'anon_inode:[io_uring]';
const BETWEEN_PAUSES = 64;

/** Why a file cannot be said to be held by nobody. */
export interface Aloft {
  state: 'unseen' | 'unknown';
  reason: string;
}

/**
 * Whether a file could be held without a descriptor; undefined when it cannot.
 * @param isIt - whether a file could be the one, by the text that its link reads
 */
export function* couldBeAloft({ tables }: Scan, isIt: (link: string) => boolean): Steps<Aloft | undefined> {
  const seen = new Set<string>();
  let unread: Aloft | undefined;
  let looked = 0;
  for (const { id, fds } of tables) {
    for (const fd of fds) {
      if (++looked % BETWEEN_PAUSES === 0) yield;
      const link = readLink(id, fd);
      if (link === null || seen.has(link) || (!isSocketLink(link) && link !== IO_URING_LINK)) continue;
      const info = readFdinfo(id, fd);
      // What was closed meanwhile shows at the next look at the tables.
      if (typeof info === 'string') continue;
      const where = `fd ${fd} of pid ${id}`;
      if (isSocketLink(link)) {
        seen.add(link);
        if (SCM_FDS.test(info.text)) return { state: 'unseen', reason: `it may be in flight to ${where}` };
        continue;
      }
      const could = couldBeRegistered(info.text, isIt);
      if (could === true) return { state: 'unseen', reason: `it may be registered with ${where}` };
      if (could === undefined)
        unread = { state: 'unknown', reason: `${where}, which was busy, does not tell what is registered with it` };
    }
  }
  return unread;
}

const SCM_FDS = /^scm_fds:[ \t]*[1-9]/m;

/** One line a file, of which older kernels print the last part only; undefined for a busy instance, which prints none. */
function couldBeRegistered(text: string, isIt: (link: string) => boolean): boolean | undefined {
  const count = /^UserFiles:[ \t]*(\d+)/m.exec(text);
  if (count === null) return undefined;
  if (Number(count[1]) === 0) return false;
  const links = Array.from(text.slice(count.index).matchAll(/^ *\d+: ?(.*)$/gm), ([, link = '']) => link);
  return links.length === 0 || links.some((link) => link !== '<none>' && (!isWhole(link) || isIt(link)));
}

const isWhole = (link: string): boolean =>
  link.startsWith('/') || link.startsWith('anon_inode:') || link.includes(':[');
