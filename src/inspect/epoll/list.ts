/** The list of an instance's targets as text, which says nothing unless the descriptor is an epoll instance all the while. */
import type { EpollFile } from '../../procfs/epoll-file.ts';
import { listDescriptors, tryLink } from '../../procfs/fd.ts';
import { EPOLL_LINK } from '../../procfs/link.ts';
import { goneOrHidden, subjectError } from '../../scan/subject.ts';

/** The text of the instance that was asked about; not to be able to read it is an error. */
export function readOwn(file: EpollFile, pid: number, efd: number): Buffer {
  const text = readEpollText(file, pid, efd);
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
