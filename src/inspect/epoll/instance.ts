/**
 * An epoll instance: the list of its targets as text, which says nothing unless the descriptor is an epoll instance all the
 * while; and who has it, told without its mutex, which a read of the list and every comparison with a target take.
 */
import { KCMP_FILE } from '../../binding/abi.ts';
import type { FileRef } from '../../binding/kcmp.ts';
import { kcmpRaw } from '../../binding/syscall.ts';
import type { EpollFile } from '../../procfs/epoll-file.ts';
import { listDescriptors, tryLink } from '../../procfs/fd.ts';
import { EPOLL_LINK } from '../../procfs/link.ts';
import { refAt } from '../../scan/columns.ts';
import type { Links } from '../../scan/link-columns.ts';
import type { Steps } from '../../scan/steps.ts';
import { goneOrHidden, subjectError } from '../../scan/subject.ts';
import type { Scan } from '../../scan/tables.ts';

/** Every descriptor of an instance, in the tables of a scan. */
export function* instanceOf({ pid, fd }: FileRef, scan: Scan, columns: Links): Steps<FileRef[]> {
  if (!scan.comparable) return [{ pid, fd }];
  const { ids, fds, links } = columns;
  const refs: FileRef[] = [];
  for (const table of scan.tables) {
    const { start, end } = columns.spanOf(table.id);
    for (let item = start; item < end; item++) {
      const link = links[item];
      if (link !== EPOLL_LINK && link !== null) continue;
      if (kcmpRaw(ids[item] as number, pid, KCMP_FILE, fds[item] as number, fd) === 0) refs.push(refAt(columns, item));
    }
    yield;
  }
  return refs;
}

/** The text of the instance that was asked about, as it was read; not to be able to read it is an error. */
export function ownText(text: Buffer | string, pid: number, efd: number): Buffer {
  if (typeof text !== 'string') return text;
  throw subjectError(text, pid, text === 'EBADF' || text === 'EINVAL' ? efd : undefined);
}

/** As it is now, or the errno's name. */
export function readEpollText(file: EpollFile, pid: number, efd: number): Buffer | string {
  // The link says what it is before its fdinfo is read, and after, since it may have become something else.
  const before = tryLink(pid, efd);
  if (typeof before !== 'string' && before.link !== EPOLL_LINK) return 'EINVAL';
  const text = typeof before === 'string' ? before : file.read();
  const link = typeof text === 'string' ? text : tryLink(pid, efd);
  if (typeof link !== 'string') return link.link === EPOLL_LINK ? text : 'EINVAL';
  const fds = listDescriptors(pid);
  if (typeof fds === 'string') return goneOrHidden(pid, fds);
  return link === 'ENOENT' ? 'EBADF' : link;
}

/** Whether the list still reads so. */
export const isText = (text: Buffer, now: Buffer | string): boolean => typeof now !== 'string' && now.equals(text);
