/**
 * /proc/PID/fdinfo/FD: the fields that every descriptor has, and the targets of an epoll instance.
 *
 * Sources: proc_pid_fdinfo(5); ep_show_fdinfo() of fs/eventpoll.c, Linux 3.8 to 6.18.
 */
import type { EpollItem } from '../inspect/reports.ts';
import { eventNames } from './events.ts';
import { PROC } from './processes.ts';
import { readText } from './read.ts';
import { Scanner } from './scanner.ts';

/** The open flag of a descriptor that names a file without access to it. */
export const O_PATH = 0o10000000;

export interface Fdinfo {
  /** File offset. */
  pos?: bigint;
  /** The open flags of fcntl(2) F_GETFL, and O_CLOEXEC. */
  flags?: number;
  /** The inode number; since Linux 5.14. */
  ino?: bigint;
  /** What tells eventfds apart, which share one inode; since Linux 5.2. */
  eventfdId?: number;
  /** The whole text. */
  text: string;
}

const FIELD = /^(pos|flags|ino|eventfd-id):[ \t]*(-?\d{1,20})[ \t\r]*$/;
const OCTAL = /^[0-7]+$/;
const UNSIGNED = /^\d+$/;

/** The common fields. Unknown lines are skipped, a field that comes again as well. */
export function parseFdinfo(text: string): Fdinfo {
  const info: Fdinfo = { text };
  for (let start = 0; start < text.length; ) {
    // The targets of an epoll instance are the last lines, and may be a million.
    if (text.startsWith('tfd:', start)) break;
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const [, name, value = ''] = FIELD.exec(text.slice(start, end)) ?? [];
    if (name === 'pos') info.pos ??= BigInt(value);
    else if (name === 'flags' && OCTAL.test(value)) info.flags ??= Number.parseInt(value, 8);
    else if (name === 'ino' && UNSIGNED.test(value)) info.ino ??= BigInt(value);
    else if (name === 'eventfd-id' && UNSIGNED.test(value)) info.eventfdId ??= Number(value);
    start = end + 1;
  }
  return info;
}

/** The fdinfo of a descriptor, or the errno's name. */
export function readFdinfo(pid: number, fd: number, root: string = PROC): Fdinfo | string {
  const read = readText(`${root}/${pid}/fdinfo/${fd}`, 'latin1');
  return typeof read === 'string' ? read : parseFdinfo(read.text);
}

const INT31_MAX = 2 ** 31 - 1;

const u64 = (high: number, low: number): bigint => (high === 0 ? BigInt(low) : (BigInt(high) << 32n) | BigInt(low));

const DENSE = 2 ** 20; // fs.nr_open's usual value: hardly a descriptor has a number above it

/** How often a number came already; an array, since a map of a million entries costs more than the lines' parsing. */
class Counts {
  #near = new Uint32Array(1024);
  readonly #far = new Map<number, number>();

  next(fd: number): number {
    if (fd >= DENSE) {
      const count = this.#far.get(fd) ?? 0;
      this.#far.set(fd, count + 1);
      return count;
    }
    if (fd >= this.#near.length) {
      const wider = new Uint32Array(Math.max(4 * this.#near.length, fd + 1));
      wider.set(this.#near);
      this.#near = wider;
    }
    const count = this.#near[fd] ?? 0;
    this.#near[fd] = count + 1;
    return count;
  }
}

/**
 * The targets in the kernel's order, which is the one that `toff` counts in. A line is
 * `tfd: 5 events: 19 data: 5` and, since Linux 4.13, `pos:0 ino:1f sdev:e` behind it; others are skipped.
 */
export function parseEpollItems(text: string | Uint8Array): EpollItem[] {
  const items: EpollItem[] = [];
  const line = new Scanner(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  const counts = new Counts();
  const names = new Map<number, string[]>();
  for (; !line.atEnd(); line.nextLine()) {
    const item = parseItem(line);
    if (item === undefined) continue;
    item.toff = counts.next(item.tfd);
    let words = names.get(item.events);
    if (words === undefined) names.set(item.events, (words = eventNames(item.events)));
    item.eventNames = words.slice();
    items.push(item);
  }
  return items;
}

const NO_NAMES: string[] = [];

function parseItem(line: Scanner): EpollItem | undefined {
  if (!line.skip('tfd:')) return undefined;
  const tfd = line.decimal();
  if (tfd === undefined || tfd < 0 || tfd > INT31_MAX) return undefined;
  line.skipBlanks();
  if (!line.skip('events:') || !line.hex() || line.high !== 0) return undefined;
  const events = line.low;
  line.skipBlanks();
  if (!line.skip('data:') || !line.hex()) return undefined;
  const item: EpollItem = { tfd, toff: 0, events, eventNames: NO_NAMES, data: u64(line.high, line.low) };
  for (line.skipBlanks(); !line.atLineEnd(); line.skipBlanks()) {
    if (line.skip('pos:')) {
      const pos = line.decimal();
      if (pos !== undefined) item.pos = pos;
    } else if (line.skip('ino:')) {
      if (line.hex()) item.ino = u64(line.high, line.low);
    } else if (line.skip('sdev:')) {
      if (line.hex() && line.high === 0) item.sdev = line.low;
    }
    line.skipField();
  }
  return item;
}
