/**
 * An epoll instance: the list of its targets as text, which says nothing unless the descriptor is an epoll instance all the
 * while; and who has it, told without its mutex, which a read of the list and every comparison with a target take.
 */
import { KCMP_FILE } from '../../binding/abi.ts';
import type { FileRef } from '../../binding/kcmp.ts';
import { kcmpRaw } from '../../binding/syscall.ts';
import type { EpollFile } from '../../procfs/epoll-file.ts';
import { isPathAt, listDescriptors, tryLink } from '../../procfs/fd.ts';
import { EPOLL_LINK } from '../../procfs/link.ts';
import { DescriptionOrder } from '../../descriptions/order.ts';
import { kcmpItems, refAt } from '../../scan/columns.ts';
import type { Links } from '../../scan/link-columns.ts';
import type { Steps } from '../../scan/steps.ts';
import { goneOrHidden, subjectError } from '../../scan/subject.ts';
import type { Scan } from '../../scan/tables.ts';

/** Every descriptor of each instance of one process, in the tables of a scan. */
export function* instancesOf(instances: readonly FileRef[], scan: Scan, columns: Links): Steps<FileRef[][]> {
  if (!scan.comparable || instances.length === 0) return instances.map((ref) => [ref]);
  const { ids, fds, links } = columns;
  const items: number[] = [];
  for (const table of scan.tables) {
    const { start, end } = columns.spanOf(table.id);
    for (let item = start; item < end; item++) if (links[item] === EPOLL_LINK || links[item] === null) items.push(item);
    yield;
  }
  const isIt = ({ pid, fd }: FileRef, item: number): boolean =>
    kcmpRaw(ids[item] as number, pid, KCMP_FILE, fds[item] as number, fd) === 0;
  const candidates = yield* candidatesFor(instances, items, columns);
  const found: FileRef[][] = [];
  for (const [i, ref] of instances.entries()) {
    found.push((candidates[i] ?? []).filter((item) => isIt(ref, item)).map((item) => refAt(columns, item)));
    yield;
  }
  return found;
}

/** Of many instances not all are compared with all descriptors, but sorted among these. */
function* candidatesFor(instances: readonly FileRef[], items: number[], columns: Links): Steps<number[][]> {
  if (instances.length === 1) return [items];
  const order = new DescriptionOrder(
    columns.length,
    (a, b) => kcmpItems(columns, a, b),
    () => {},
  );
  const groupOf = new Map<number, number[]>();
  for (const group of yield* order.gather(Int32Array.from(items)))
    for (const item of group)
      if (columns.ids[item] === instances[0]?.pid) groupOf.set(columns.fds[item] as number, group);
  // In the order of the tables, which one that was listed again has left.
  const places = new Map(items.map((item, place) => [item, place]));
  const placeOf = (item: number): number => places.get(item) as number;
  return instances.map(({ fd }) => groupOf.get(fd)?.toSorted((a, b) => placeOf(a) - placeOf(b)) ?? []);
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
  if (typeof before !== 'string' && (before.link !== EPOLL_LINK || isPathAt(pid, efd))) return 'EINVAL';
  const text = typeof before === 'string' ? before : file.read();
  const link = typeof text === 'string' ? text : tryLink(pid, efd);
  if (typeof link !== 'string') return link.link === EPOLL_LINK ? text : 'EINVAL';
  const fds = listDescriptors(pid);
  if (typeof fds === 'string') return goneOrHidden(pid, fds);
  return link === 'ENOENT' ? 'EBADF' : link;
}

/** Whether the list still reads so. */
export const isText = (text: Buffer, now: Buffer | string): boolean => typeof now !== 'string' && now.equals(text);
