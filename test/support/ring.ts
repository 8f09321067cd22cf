/** io_uring instances, by numbers that every architecture shares. */
import * as libc from './libc.ts';

const [SETUP, ENTER, REGISTER] = [425, 426, 427];
const REGISTER_FILES = 2;
/** Of <linux/io_uring.h>. */
const OP_ACCEPT = 13;
const OFFSET_OF_ENTRIES = 0x10000000;
/** In struct io_uring_params, in words: where in the queue its end and its places are. */
const [TAIL, PLACES] = [11, 16];

export interface Ring {
  fd: number;
  /** Asks it for a connection of a listener, and does not wait. */
  accept(listener: number): void;
}

/** An instance with which these are registered; to be closed like any descriptor. */
export function openRing(...files: number[]): Ring {
  const parameters = new Uint32Array(30);
  const fd = libc.syscall(SETUP, 4, libc.addressOf(new Uint8Array(parameters.buffer)));
  if (files.length > 0)
    libc.syscall(
      REGISTER,
      fd,
      REGISTER_FILES,
      libc.addressOf(new Uint8Array(Int32Array.from(files).buffer)),
      files.length,
    );
  return {
    fd,
    accept(listener) {
      const queue = libc.mapShared(fd, 4096);
      const entry = libc.mapShared(fd, 4096, OFFSET_OF_ENTRIES);
      entry.fill(0, 0, 16);
      entry[0] = OP_ACCEPT;
      entry[1] = listener;
      queue[(parameters[PLACES] as number) / 4] = 0;
      Atomics.store(queue, (parameters[TAIL] as number) / 4, 1);
      if (libc.syscall(ENTER, fd, 1, 0, 0, 0, 0) !== 1) throw new Error('the request was not taken');
    },
  };
}

/** Why there are none, or false; for a test's `skip`. */
export const noRing: string | false = (() => {
  try {
    libc.close(openRing().fd);
    return false;
  } catch (error) {
    return `no io_uring: ${(error as NodeJS.ErrnoException).code}`;
  }
})();
