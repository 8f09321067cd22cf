/**
 * `struct kcmp_epoll_slot { __u32 efd; __u32 tfd; __u32 toff; }` of <linux/kcmp.h>
 * as 12 bytes. kcmp(2) shows a 64-bit `toff`; the kernel reads three u32.
 */
import { readBytes, readSlot } from './read.ts';

/** Names one target of an epoll instance, as in `struct kcmp_epoll_slot`. */
export interface EpollSlot {
  /** The epoll instance: a descriptor number, 0 … 2^32−1. */
  efd: number;
  /** The number under which the target was registered, 0 … 2^32−1; a label, not a descriptor of today. */
  tfd: number;
  /** Which one of several targets with the same `tfd`, in the order of fdinfo: 0 … 2^32−1, 0 when left out. */
  toff?: number;
}

export const EPOLL_SLOT_SIZE = 12;

/** Stores the three members; nothing is checked. */
export function writeEpollSlot(view: DataView, efd: number, tfd: number, toff: number): void {
  view.setUint32(0, efd, true);
  view.setUint32(4, tfd, true);
  view.setUint32(8, toff, true);
}

/**
 * `struct kcmp_epoll_slot`: packs a slot into the 12 little-endian bytes that kcmp(2) reads.
 *
 * Works on every platform.
 *
 * @param slot - `efd`, `tfd` and `toff` (0 when left out), each 0 … 2^32−1
 * @returns 12 bytes in memory of their own
 * @throws TypeError `ERR_INVALID_ARG_TYPE` when `slot` is no object or a member no number
 * @throws RangeError `ERR_OUT_OF_RANGE` when a member is fractional, NaN or outside u32
 * @example packEpollSlot({ efd: 5, tfd: 7 }); // what a call of one's own hands to the kernel
 * @since Linux 4.13 reads them
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, include/uapi/linux/kcmp.h
 */
export function packEpollSlot(slot: EpollSlot): Uint8Array {
  const { efd, tfd, toff } = readSlot(slot, 'slot');
  const bytes = new Uint8Array(EPOLL_SLOT_SIZE);
  writeEpollSlot(new DataView(bytes.buffer), efd, tfd, toff);
  return bytes;
}

/**
 * `struct kcmp_epoll_slot`: reads a slot back from its 12 little-endian bytes.
 *
 * Works on every platform.
 *
 * @param bytes - exactly 12 bytes
 * @returns the three members
 * @throws TypeError `ERR_INVALID_ARG_TYPE` when `bytes` is no Uint8Array
 * @throws RangeError `ERR_OUT_OF_RANGE` when it is not 12 bytes long
 * @example unpackEpollSlot(new Uint8Array(12)); // { efd: 0, tfd: 0, toff: 0 }
 * @since Linux 4.13 reads them
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, include/uapi/linux/kcmp.h
 */
export function unpackEpollSlot(bytes: Uint8Array): Required<EpollSlot> {
  const view = readBytes(bytes, 'bytes', EPOLL_SLOT_SIZE);
  return { efd: view.getUint32(0, true), tfd: view.getUint32(4, true), toff: view.getUint32(8, true) };
}
