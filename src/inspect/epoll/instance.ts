/** Who has an epoll instance: told without its mutex, which a read of its list and every comparison with a target take. */
import { KCMP_FILE } from '../../binding/abi.ts';
import type { FileRef } from '../../binding/kcmp.ts';
import { kcmpRaw } from '../../binding/syscall.ts';
import { EPOLL_LINK } from '../../procfs/link.ts';
import { refAt } from '../../scan/columns.ts';
import type { Links } from '../../scan/link-columns.ts';
import type { Steps } from '../../scan/steps.ts';
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
