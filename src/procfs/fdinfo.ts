/** /proc/PID/fdinfo/FD: the fields that every descriptor has. Source: proc_pid_fdinfo(5). */
import { O_PATH } from '../binding/abi.ts';
import { readTaskFile } from './raw/start.ts';
import { PROC } from './root.ts';

export { O_CLOEXEC, O_PATH } from '../binding/abi.ts';

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

const O_ACCMODE = 3;
const ACCESS = ['r', 'w', 'rw', 'rw'] as const;

/** How a file was opened, but for O_PATH. */
export type Access = 'r' | 'w' | 'rw';

/** How a file was opened, by its flags. */
export const accessOf = (flags: number): Access | 'path' =>
  (flags & O_PATH) !== 0 ? 'path' : (ACCESS[flags & O_ACCMODE] ?? 'rw');

/** The fdinfo of a descriptor, or the errno's name. */
export function readFdinfo(pid: number, fd: number, root: string = PROC): Fdinfo | string {
  const read = readTaskFile(pid, `fdinfo/${fd}`, 'latin1', root);
  return typeof read === 'string' ? read : parseFdinfo(read.text);
}
