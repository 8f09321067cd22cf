/** What a group of descriptors is called: by the first of them that still is what it was when it was listed. */
import { readLink, tryLink } from '../../procfs/fd.ts';
import { type FileKind, kindAt } from '../../procfs/kind.ts';
import type { OpenFiles } from '../../scan/inode-columns.ts';
import { refAt } from '../../scan/columns.ts';

export interface Name {
  kind: FileKind;
  link: string | null;
  /** The item that was asked. */
  by: number;
}

/** @param mayMove - whether an item may become another file while it is asked */
export function nameOf(files: OpenFiles, items: readonly number[], mayMove: boolean): Name {
  let isGone = true;
  for (const by of items) {
    const { pid, fd } = refAt(files, by);
    const read = tryLink(pid, fd);
    if (read === 'ENOENT' || read === 'ESRCH') continue;
    isGone = false;
    const link = typeof read === 'string' ? null : read.link;
    const mode = files.modeOf(by);
    // What became another file since would give the group that file's name.
    if (mode === undefined || (mayMove && readLink(pid, fd) !== link)) continue;
    return { kind: kindAt(pid, fd, link, mode), link, by };
  }
  const by = items[0] as number;
  if (isGone) return { kind: 'unknown', link: null, by };
  const { pid, fd } = refAt(files, by);
  const link = readLink(pid, fd);
  return { kind: kindAt(pid, fd, link), link, by };
}
