/** What a group of descriptors is called: by the first of them that still is what it was when it was listed. */
import type { FileRef } from '../../binding/kcmp.ts';
import { linkAt, statIno } from '../../procfs/fd.ts';
import { type FileKind, kindAt } from '../../procfs/kind.ts';
import { DELETED, inodeOf, isSocketLink, namesInode } from '../../procfs/link.ts';
import type { OpenFiles } from '../../scan/inode-columns.ts';
import { refAt } from '../../scan/columns.ts';
import type { Steps } from '../../scan/steps.ts';
import { nameOf } from '../names.ts';
import { socketName } from '../names/socket.ts';
import { readUnlessSlow, type SocketFinder } from '../open-file.ts';

/** Kinds of which fdinfo says nothing that is in a name. */
const PLAIN: ReadonlySet<FileKind> = new Set<FileKind>(['regular', 'directory', 'memfd', 'namespace', 'block device']);

export interface Name {
  kind: FileKind;
  link: string | null;
  /** As of an open file; that of a socket is told later, of many at once. */
  name: string | null;
  /** The item that was asked. */
  by: number;
}

/** The items of one description, and what it is called. */
export interface NamedGroup extends Name {
  items: number[];
}

/** Describes a group by its items, of which one may be another file by now where it may move. */
export type NameOf = (files: OpenFiles, items: readonly number[], mayMove: boolean) => Name;

/** Kind and link alone. */
export const plainName: NameOf = (files, items, mayMove) => describeGroup(files, items, mayMove, false);
/** What people call it besides. */
export const wholeName: NameOf = (files, items, mayMove) => describeGroup(files, items, mayMove, true);

/**
 * @param mayMove - whether an item may become another file while it is asked
 * @param isWhole - whether the name is wanted besides kind and link
 */
function describeGroup(files: OpenFiles, items: readonly number[], mayMove: boolean, isWhole: boolean): Name {
  let isGone = true;
  for (const by of items) {
    const { pid, fd } = refAt(files, by);
    const link = linkAt(pid, fd);
    if (link === undefined) continue;
    isGone = false;
    const mode = mayMove ? files.modeOf(by) : files.modeListed(by);
    if (mode === undefined) continue;
    const kind = kindAt(pid, fd, link, mode);
    const name = isWhole && link !== null ? nameAt(pid, fd, kind, link) : null;
    // What became another file since would give the group that file's name.
    if (mayMove && (isAnothers(link, files, by) || (linkAt(pid, fd) ?? null) !== link)) continue;
    return { kind, link, name, by };
  }
  const by = items[0] as number;
  if (isGone) return { kind: 'unknown', link: null, name: null, by };
  const { pid, fd } = refAt(files, by);
  const link = linkAt(pid, fd) ?? null;
  // Closed by now, it would get the kind of what takes its place.
  const kind = link === null ? 'unknown' : kindAt(pid, fd, link);
  return { kind, link, name: isWhole && link !== null ? nameAt(pid, fd, kind, link) : null, by };
}

/** Whether a link names another inode than the item was listed with: what flips may be read as both, in turn. */
const isAnothers = (link: string | null, files: OpenFiles, item: number): boolean =>
  namesInode(link) && inodeOf(link) !== files.inos[item];

/** The name of a descriptor whose link was read; undefined when it is another file by now. */
export function* nameOfOpen(
  { pid, fd }: FileRef,
  { kind, link }: Pick<Name, 'kind' | 'link'>,
  sockets: SocketFinder,
): Steps<string | null | undefined> {
  if (link === null) return null;
  const name = isSocketLink(link)
    ? socketName(yield* sockets.find(pid, fd, inodeOf(link)))
    : nameAt(pid, fd, kind, link);
  return linkAt(pid, fd) === link ? name : undefined;
}

/** Most are called by the text of their link, and what that does not say fdinfo does. */
function nameAt(pid: number, fd: number, kind: FileKind, link: string): string | null {
  if (isSocketLink(link)) return null;
  const stat = link.endsWith(DELETED) ? statIno(pid, fd) : undefined;
  const nlink = typeof stat === 'object' ? stat.more?.nlink : undefined;
  const read = PLAIN.has(kind) ? '' : readUnlessSlow({ pid, fd }, link);
  const info = typeof read === 'string' ? undefined : read;
  return nameOf({ kind, link, nlink, info });
}
