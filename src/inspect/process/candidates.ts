/** Which descriptors of a snapshot may be of an other end: sockets by their inode, terminals by their number. */
import { statIno } from '../../procfs/fd.ts';
import { S_IFCHR, S_IFSOCK } from '../../procfs/kind.ts';
import { inodeOf } from '../../procfs/link.ts';
import { refAt } from '../../scan/columns.ts';
import type { Steps } from '../../scan/steps.ts';
import { addTo } from '../../util/multimap.ts';
import type { Peer } from '../peers/peer.ts';
import { PipePeer } from '../peers/pipe.ts';
import { numberOf, PtyPeer, sideOf } from '../peers/pty.ts';
import type { Snapshot } from './snapshot.ts';

const NOBODY: readonly number[] = [];

export class Candidates {
  readonly #snapshot: Snapshot;
  #sockets: Map<number, number[]> | undefined;
  #terminals: Map<number, number[]> | undefined;

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  /** @param alike - the items on the inode that is asked about */
  *of(peer: Peer, alike: () => readonly number[]): Steps<readonly number[]> {
    if (peer instanceof PipePeer) return alike();
    if (peer instanceof PtyPeer) {
      const terminals = (this.#terminals ??= yield* this.#listTerminals());
      return [...(terminals.get(peer.number ?? NaN) ?? []), ...(terminals.get(NaN) ?? [])];
    }
    const sockets = (this.#sockets ??= yield* this.#listSockets());
    return peer.links().flatMap((link) => sockets.get(inodeOf(link)) ?? NOBODY);
  }

  *#listSockets(): Steps<Map<number, number[]>> {
    const { files } = this.#snapshot;
    const sockets = new Map<number, number[]>();
    for (const item of yield* this.#snapshot.itemsOfType(this.#snapshot.scan.tables, S_IFSOCK))
      addTo(sockets, files.inos[item] as number, item);
    return sockets;
  }

  /** Both sides by their number, and by NaN what has none. */
  *#listTerminals(): Steps<Map<number, number[]>> {
    const { files } = this.#snapshot;
    const terminals = new Map<number, number[]>();
    for (const item of yield* this.#snapshot.itemsOfType(this.#snapshot.scan.tables, S_IFCHR)) {
      yield;
      const { pid, fd } = refAt(files, item);
      const stat = statIno(pid, fd);
      if (typeof stat !== 'string' && sideOf(stat) !== undefined)
        addTo(terminals, numberOf(pid, fd, stat) ?? NaN, item);
    }
    return terminals;
  }
}
