/** Gathers open files that may share a description: those of one inode, and of one id where eventfds are many. */
import { FdFolder } from '../../procfs/fd-directory.ts';
import { S_IFMT } from '../../procfs/kind.ts';
import type { OpenFiles } from '../../scan/inode-columns.ts';

const { EMFILE, ENOENT, ESRCH } = process.getBuiltinModule('node:os').constants.errno;
const FEW = 32;
/** No device has this number. It marks eventfds, whose id stands where their shared inode was. */
const EVENTFD = -1;

/** Items by what they have in common: one head each, the rest chained behind it. */
export interface Buckets {
  heads: number[];
  next: Int32Array;
}

/** Sorting eventfds costs a dozen calls each, reading their ids three; an id in common is a guess like an inode. */
export function splitEventfds(files: OpenFiles, items: Int32Array): void {
  const anonymous = items.filter((item) => ((files.modes[item] as number) & S_IFMT) === 0);
  if (anonymous.length <= FEW) return;
  const ids = new Float64Array(anonymous.length);
  let folder: FdFolder | undefined;
  let folderOf = -1;
  try {
    for (let i = 0; i < ids.length; i++) {
      const item = anonymous[i] as number;
      const pid = files.ids[item] as number;
      if (pid !== folderOf) {
        folder?.close();
        folder = FdFolder.open(pid, 'fdinfo');
        folderOf = pid;
      }
      const id = folder === undefined ? -EMFILE : folder.eventfdId(files.fds[item] as number);
      // One whose id is not known would be kept apart from its like.
      if (id < 0 && id !== -ENOENT && id !== -ESRCH) return;
      ids[i] = id;
    }
  } finally {
    folder?.close();
  }
  for (let i = 0; i < ids.length; i++) {
    if (!((ids[i] as number) >= 0)) continue;
    const item = anonymous[i] as number;
    files.inos[item] = ids[i] as number;
    files.devs[item] = EVENTFD;
  }
}

/** By open addressing, since a Map of tens of thousands costs more than reading them. */
export function gather({ inos, devs, length }: OpenFiles, items: Int32Array): Buckets {
  const bits = Math.max(4, 32 - Math.clz32(items.length * 2));
  const mask = (1 << bits) - 1;
  const slots = new Int32Array(1 << bits);
  const next = new Int32Array(length).fill(-1);
  const heads: number[] = [];
  for (const item of items) {
    const ino = inos[item] as number;
    const dev = devs[item] as number;
    let slot = Math.imul((ino | 0) ^ Math.imul(dev, 0x85ebca6b), 0x9e3779b1) >>> (32 - bits);
    for (;;) {
      const head = (slots[slot] as number) - 1;
      if (head === -1) {
        slots[slot] = item + 1;
        heads.push(item);
        break;
      }
      if (inos[head] === ino && devs[head] === dev) {
        next[item] = next[head] as number;
        next[head] = item;
        break;
      }
      slot = (slot + 1) & mask;
    }
  }
  return { heads, next };
}
