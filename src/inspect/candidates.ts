/** The descriptors of a scan that can be a target of an epoll instance at all, by inode. */
import { readLink } from '../procfs/descriptors.ts';
import { isSocketLink } from '../procfs/link.ts';
import { InodeReader } from './inodes.ts';
import { addTo } from './multimap.ts';
import type { Table } from './scan.ts';

/** Parallel arrays of descriptors, and which of them have one inode. */
export interface Candidates {
  ids: number[];
  fds: number[];
  /** Items of the process asked about, by inode. */
  own: Map<string, number[]>;
  /** Items of all other tables, by inode. */
  others: Map<string, number[]>;
  /** Inodes of sockets, where one inode is one description. */
  sockets: Set<string>;
  /** The links of the process asked about, by descriptor. */
  links: Map<number, string | null>;
}

/** @param wanted - the inodes of the targets; null when the kernel does not tell them, and all descriptors count */
export function findCandidates(tables: readonly Table[], pid: number, wanted: { has(inode: string): boolean } | null): Candidates {
  const found: Candidates = { ids: [], fds: [], own: new Map(), others: new Map(), sockets: new Set(), links: new Map() };
  const inodes = new InodeReader();
  for (const { id, fds } of tables) {
    const byInode = id === pid ? found.own : found.others;
    for (const fd of fds) {
      const link = readLink(id, fd);
      if (id === pid) found.links.set(fd, link);
      const inode = wanted === null ? '' : inodes.read(id, fd, link);
      if (inode === null || (wanted !== null && !wanted.has(inode))) continue;
      const item = found.ids.push(id) - 1;
      found.fds.push(fd);
      if (isSocketLink(link)) found.sockets.add(inode);
      addTo(byInode, inode, item);
    }
  }
  return found;
}
