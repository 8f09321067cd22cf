/**
 * What one read of a netlink socket brings: messages one behind the other, and within each of them attributes.
 * Whatever the bytes are, nothing here throws, reads behind their end, or goes on for ever.
 *
 * Sources: <linux/netlink.h>, netlink(7), netlink_dump_done() of net/netlink/af_netlink.c.
 */

export const SOCK_DIAG_BY_FAMILY = 20;
export const NLM_F_REQUEST = 0x1;
export const NLM_F_DUMP = 0x300;

const NLM_F_MULTI = 0x2;
const NLM_F_DUMP_INTR = 0x10;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLMSG_OVERRUN = 4;

/** struct nlmsghdr: u32 length, u16 type, u16 flags, u32 sequence, u32 port. */
export const HEADER = 16;
/** struct nlattr: u16 length, u16 type. */
const ATTRIBUTE = 4;

/** The next multiple of four, where messages and attributes begin. */
export const aligned = (length: number): number => (length + 3) & ~3;

/** What has come in answer to one request. */
export class Reply {
  /** The last message has come. */
  done = false;
  /** A negative errno, or 0. */
  errno = 0;
  /** The table changed or something was lost, so that it has to be asked again. */
  interrupted = false;
  readonly #sequence: number;

  /** @param sequence - the request's: what answers another one is left out */
  constructor(sequence: number) {
    this.#sequence = sequence;
  }

  /**
   * Takes one read apart.
   * @param visit - is given where the body of a message begins and ends
   */
  take(view: DataView, length: number, visit: (start: number, end: number) => void): void {
    for (let at = 0; at < length; ) {
      const size = length - at < HEADER ? 0 : view.getUint32(at, true);
      if (size < HEADER || size > length - at) {
        this.interrupted = true;
        return;
      }
      if (view.getUint32(at + 8, true) === this.#sequence) this.#message(view, at, at + size, visit);
      at += aligned(size);
    }
  }

  #message(view: DataView, at: number, end: number, visit: (start: number, end: number) => void): void {
    const type = view.getUint16(at + 4, true);
    const flags = view.getUint16(at + 6, true);
    if ((flags & NLM_F_DUMP_INTR) !== 0) this.interrupted = true;
    if (type === SOCK_DIAG_BY_FAMILY) {
      visit(at + HEADER, end);
      if ((flags & NLM_F_MULTI) === 0) this.done = true;
    } else if (type === NLMSG_ERROR || type === NLMSG_DONE) {
      // A dump that could not begin says so in its last message.
      if (end - at >= HEADER + 4) this.errno = Math.min(view.getInt32(at + HEADER, true), 0);
      this.done = true;
    } else if (type === NLMSG_OVERRUN) {
      this.interrupted = true;
    }
  }
}

/**
 * Where the attribute that begins at `at` ends, 0 when there is none, or not all of it. Its type is at `at + 2`,
 * its value at `at + 4`, and the next one begins at the end, rounded up by {@link aligned}.
 */
export function attributeEnd(view: DataView, at: number, end: number): number {
  if (end - at < ATTRIBUTE) return 0;
  const size = view.getUint16(at, true);
  return size < ATTRIBUTE || size > end - at ? 0 : at + size;
}
