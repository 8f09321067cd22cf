/** Comparisons of descriptors with targets, for each of which the kernel walks the instance's items. */
import { kcmpEpollRaw } from '../binding/syscall.ts';
import type { DescriptionOrder, Descriptors } from './descriptions.ts';
import type { EpollItem } from './reports.ts';

const { constants } = process.getBuiltinModule('node:os');

const { ENOENT } = constants.errno;
const GONE = -2;

export class Walks {
  readonly #pid: number;
  readonly #efd: number;
  readonly #from: Descriptors;
  readonly #order: DescriptionOrder;

  constructor(pid: number, efd: number, from: Descriptors, order: DescriptionOrder) {
    this.#pid = pid;
    this.#efd = efd;
    this.#from = from;
    this.#order = order;
  }

  /** Negative when the item orders before the target's file; undefined when it is closed. A target that has gone fits nothing. */
  compare(item: number, { tfd, toff }: EpollItem): number | undefined {
    const { ids, fds } = this.#from;
    const result = kcmpEpollRaw(ids[item] as number, this.#pid, fds[item] as number, this.#efd, tfd, toff);
    if (result >= 0) return result === 1 ? -1 : result;
    this.#order.hasMoved = true;
    return result === -ENOENT ? GONE : undefined;
  }

  /** As above for a whole description, by the first member that is still open. */
  compareGroup(leader: number, target: EpollItem): number {
    for (let item = leader; item >= 0; item = this.#order.next[item] as number) {
      const order = this.compare(item, target);
      if (order !== undefined) return order;
    }
    return GONE;
  }
}
