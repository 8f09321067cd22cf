/**
 * What a descriptor refers to, known without asking anybody: statx(2) with AT_STATX_DONT_SYNC answers from what the
 * kernel remembers. Whatever else looks at a file (stat, fstat, open) may wait for a server, and of a dead one for ever.
 *
 * Source: struct statx of <linux/stat.h>.
 */
import {
  AT_STATX_DONT_SYNC,
  STATX_BLOCKS,
  STATX_MNT_ID,
  STATX_NLINK_UID_SIZE,
  STATX_TYPE_MODE_INO,
  STX_BLOCKS,
  STX_DEV_MAJOR,
  STX_INO,
  STX_MASK,
  STX_MNT_ID,
  STX_MODE,
  STX_NLINK,
  STX_RDEV_MAJOR,
  STX_SIZE,
  STX_UID,
} from '../../binding/abi.ts';
import { addressOfBytes, syscallNumbers, wordCallRaw } from '../../binding/syscall.ts';

const { endianness } = process.getBuiltinModule('node:os');

const LITTLE = endianness() === 'LE';

const answer = new Uint8Array(new ArrayBuffer(256));
const fields = new DataView(answer.buffer);
let address = 0;
let statx = 0;

/** In the kernel's own form, `major << 20 | minor`, as a signed number. */
const device = (at: number): number => (fields.getUint32(at, LITTLE) << 20) | fields.getUint32(at + 4, LITTLE);

/** Of stx_blocks, whatever blocks the filesystem has. */
const BLOCK = 512n;

/** The file that {@link look} looked at last. */
export const seen = {
  mode: (): number => fields.getUint16(STX_MODE, LITTLE),
  ino: (): bigint => fields.getBigUint64(STX_INO, LITTLE),
  /** Rounded above 2^53. */
  inoRounded: (): number => fields.getUint32(STX_INO, LITTLE) + fields.getUint32(STX_INO + 4, LITTLE) * 0x1_0000_0000,
  rdev: (): number => device(STX_RDEV_MAJOR),
  dev: (): number => device(STX_DEV_MAJOR),
  /** Whether the kernel has also filled in the next three, which are not asked for: for a size some would write to a server. */
  hasMore: (): boolean => (fields.getUint32(STX_MASK, LITTLE) & STATX_NLINK_UID_SIZE) === STATX_NLINK_UID_SIZE,
  nlink: (): number => fields.getUint32(STX_NLINK, LITTLE),
  uid: (): number => fields.getUint32(STX_UID, LITTLE),
  size: (): bigint => fields.getBigUint64(STX_SIZE, LITTLE),
  /** What is allocated, in bytes; as many as it has where that is not told. */
  allocated: (): bigint =>
    (fields.getUint32(STX_MASK, LITTLE) & STATX_BLOCKS) === 0
      ? seen.size()
      : fields.getBigUint64(STX_BLOCKS, LITTLE) * BLOCK,
  /** The mount that led to it, by its number in mountinfo; undefined before Linux 5.8. */
  mount: (): number | undefined =>
    (fields.getUint32(STX_MASK, LITTLE) & STATX_MNT_ID) === 0 ? undefined : fields.getUint32(STX_MNT_ID, LITTLE),
};

/**
 * Looks at a file.
 * @param folder - an open folder, or AT_FDCWD
 * @param name - the address of a name that ends with a zero
 * @returns 0, and the file in {@link seen}, or a negative errno
 * @throws what the first call of all throws
 */
export function look(folder: number, name: number): number {
  if (address === 0) {
    statx = syscallNumbers().statx;
    address = addressOfBytes(answer);
  }
  return wordCallRaw(statx, folder, name, AT_STATX_DONT_SYNC, STATX_TYPE_MODE_INO, address);
}
