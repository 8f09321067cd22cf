/** Where kcmp(2) is refused: of a socket's inode and device there is one description; of others, none can be told. */
import { refusalCode } from '../../binding/explain.ts';
import { plainSocket } from '../../descriptions/without-kcmp.ts';
import { statIno } from '../../procfs/fd.ts';
import { refAt } from '../../scan/columns.ts';
import type { Links } from '../../scan/link-columns.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Table } from '../../scan/tables.ts';
import type { Candidates } from './inode-classes.ts';
import type { OpenTarget } from './targets.ts';

/** @returns by target: its items; `onDrop` is told of those that may be targets or not, which is to say that they could not be looked at */
export function* matchSockets(
  targets: readonly OpenTarget[],
  candidates: Candidates,
  links: Links,
  tables: readonly Table[],
  onDrop: (item: number, code: string) => void,
): Steps<number[][]> {
  const code = refusalCode();
  const items = targets.map((): number[] => []);
  const { inodes, told } = candidates;
  for (const { targets: places, items: all } of told ? yield* candidates.open(tables, items) : []) {
    let isOpen = false;
    for (const place of places) {
      const sockets = yield* socketsOf(inodes[place] as number, targets[place]?.sdev, all, links);
      if (sockets.length > 0) items[place] = sockets;
      else isOpen = true;
    }
    if (isOpen) for (const item of all) onDrop(item, code);
  }
  return items;
}

/** Which items are sockets with this inode; none when their device is another one. */
export function* socketsOf(
  inode: number,
  sdev: number | undefined,
  items: readonly number[],
  links: Links,
): Steps<number[]> {
  const sockets: number[] = [];
  for (const item of items) {
    if (plainSocket(refAt(links, item)) === inode) sockets.push(item);
    yield;
  }
  return sockets.length > 0 && sdev === deviceOf(links, sockets[0] as number) ? sockets : [];
}

function deviceOf(links: Links, item: number): number | undefined {
  const { pid, fd } = refAt(links, item);
  const stat = statIno(pid, fd);
  return typeof stat === 'string' ? undefined : stat.dev >>> 0;
}
