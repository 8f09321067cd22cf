/**
 * /proc/PID/fdinfo/EFD of an epoll instance, to be read more than once: the kernel prints all targets into a buffer that
 * grows by doubling and starts over each time, so that an open file, which keeps its buffer, costs half of a new one.
 *
 * Source: seq_read_iter() of fs/seq_file.c, which hands out piece by piece what it printed when it was read from the start.
 */
import { fcntlRaw, syscallNumbers, wordCallRaw } from '../binding/syscall.ts';
import { isPathAt, readLink } from './fd.ts';
import { EPOLL_LINK } from './link.ts';
import { forget, keep } from './raw/fd-directory.ts';
import { codeOf, fs } from './read.ts';
import { PROC } from './root.ts';

/** Whether a descriptor is an epoll instance, told without its mutex. */
export const isEpollAt = (pid: number, fd: number): boolean => readLink(pid, fd) === EPOLL_LINK && !isPathAt(pid, fd);

const NONE = -1;
/** Of <linux/fcntl.h>. */
const F_DUPFD_CLOEXEC = 1030;

export class EpollFile {
  readonly #path: string;
  #fd = NONE;
  #size = 4096;

  constructor(pid: number, efd: number) {
    this.#path = `${PROC}/${pid}/fdinfo/${efd}`;
  }

  /** Its number here while it is open, or -1: whoever looks at the table of this very process finds it there. */
  get fd(): number {
    return this.#fd;
  }

  /** The whole text as of one moment, or the errno's name. */
  read(): Buffer | string {
    try {
      if (this.#fd === NONE) this.#fd = keep(fs().openSync(this.#path, 'r'));
      return this.#readAll();
    } catch (error) {
      this.close();
      return codeOf(error);
    }
  }

  /** Closes the file if it took the last descriptor that this process may have. */
  yieldLast(): void {
    if (this.#fd === NONE) return;
    const fd = fcntlRaw(this.#fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) this.close();
    else wordCallRaw(syscallNumbers().close, fd, 0, 0, 0, 0);
  }

  close(): void {
    if (this.#fd === NONE) return;
    forget(this.#fd);
    fs().closeSync(this.#fd);
    this.#fd = NONE;
  }

  #readAll(): Buffer {
    let bytes = Buffer.allocUnsafe(this.#size);
    for (let length = 0; ; ) {
      const more = fs().readSync(this.#fd, bytes, length, bytes.length - length, length);
      if (more === 0) return bytes.subarray(0, length);
      length += more;
      if (length < bytes.length) continue;
      this.#size *= 2;
      bytes = Buffer.concat([bytes], this.#size);
    }
  }
}
