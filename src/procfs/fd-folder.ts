/**
 * /proc/PID/fd and /proc/PID/fdinfo in bulk: one open folder a process, names written in place, answers left
 * in memory that is private to this file. Nothing here makes a string or an object for a descriptor.
 *
 * Source: struct statx of <linux/stat.h>; proc_readfd() of fs/proc/fd.c, whose folder tells how many are open since Linux 6.2.
 */
import { endianness } from 'node:os';
import { addressOfBytes, syscallNumbers, wordCallRaw } from '../binding/syscall.ts';
import type { SyscallNumbers } from '../binding/abi.ts';
import { PROC } from './processes.ts';

const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
/** What is known without asking a server: a dead network filesystem cannot hang the scan. */
const AT_STATX_DONT_SYNC = 0x4000;
/** It differs between architectures. */
const O_DIRECTORY = ['arm', 'arm64', 'ppc64'].includes(process.arch) ? 0o40000 : 0o200000;
const O_CLOEXEC = 0o2000000;
const STATX_TYPE_MODE_INO = 0x103;
const STATX_SIZE = 0x200;
const TWO_32 = 0x1_0000_0000;
const ZERO = 48;
const LITTLE = endianness() === 'LE';
const EVENTFD_ID = 'eventfd-id:';

const name = new Uint8Array(new ArrayBuffer(64));
const answer = Buffer.from(new ArrayBuffer(4096));
const fields = new DataView(answer.buffer);
let nameAddress = 0;
let answerAddress = 0;
let numbers: SyscallNumbers | undefined;

function prepare(): SyscallNumbers {
  if (numbers !== undefined) return numbers;
  nameAddress = addressOfBytes(name);
  answerAddress = addressOfBytes(answer);
  return (numbers = syscallNumbers());
}

function writeText(text: string): void {
  for (let i = 0; i < text.length; i++) name[i] = text.charCodeAt(i);
  name[text.length] = 0;
}

function writeNumber(value: number): void {
  let end = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) end++;
  name[end] = 0;
  for (let rest = value; end > 0; rest = Math.floor(rest / 10)) name[--end] = ZERO + (rest % 10);
}

/** A folder of /proc/PID that stays open until {@link FdFolder.close}. */
export class FdFolder {
  /** Its own number here: whoever looks at the table of this very process finds it there. */
  readonly fd: number;
  /** Of the descriptor last looked at. */
  ino = 0;
  dev = 0;
  mode = 0;
  readonly #numbers: SyscallNumbers;

  private constructor(fd: number, numbers: SyscallNumbers) {
    this.fd = fd;
    this.#numbers = numbers;
  }

  /** Undefined when it cannot be opened in this way, whatever the reason. */
  static open(pid: number, folder: 'fd' | 'fdinfo'): FdFolder | undefined {
    const numbers = prepare();
    writeText(`${PROC}/${pid}/${folder}`);
    const fd = wordCallRaw(numbers.openat, AT_FDCWD, nameAddress, O_DIRECTORY | O_CLOEXEC, 0, 0);
    return fd < 0 ? undefined : new FdFolder(fd, numbers);
  }

  close(): void {
    wordCallRaw(this.#numbers.close, this.fd, 0, 0, 0, 0);
  }

  /** How many descriptors are open: 0 before Linux 6.2, or a negative errno. */
  count(): number {
    name[0] = 0;
    const result = this.#statx(AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_SIZE);
    return result < 0 ? result : fields.getUint32(40, LITTLE);
  }

  /** Looks at what a descriptor refers to: 0, or a negative errno. A number above 2^53 is rounded. */
  stat(fd: number): number {
    writeNumber(fd);
    const result = this.#statx(AT_STATX_DONT_SYNC, STATX_TYPE_MODE_INO);
    if (result < 0) return result;
    this.mode = fields.getUint16(28, LITTLE);
    this.ino = fields.getUint32(32, LITTLE) + fields.getUint32(36, LITTLE) * TWO_32;
    this.dev = (fields.getUint32(136, LITTLE) << 20) | fields.getUint32(140, LITTLE);
    return 0;
  }

  /** The eventfd-id that fdinfo prints since Linux 5.2, or -1. */
  eventfdId(fd: number): number {
    const { openat, read, close } = this.#numbers;
    writeNumber(fd);
    const file = wordCallRaw(openat, this.fd, nameAddress, O_CLOEXEC, 0, 0);
    if (file < 0) return -1;
    const length = wordCallRaw(read, file, answerAddress, answer.length, 0, 0);
    wordCallRaw(close, file, 0, 0, 0, 0);
    const found = length <= 0 ? -1 : answer.toString('latin1', 0, length).indexOf(EVENTFD_ID);
    if (found < 0) return -1;
    let at = found + EVENTFD_ID.length;
    while (answer[at] === 32 || answer[at] === 9) at++;
    let id = 0;
    for (; at < length; at++) {
      const digit = (answer[at] as number) - ZERO;
      if (digit < 0 || digit > 9) break;
      id = id * 10 + digit;
    }
    return id;
  }

  #statx(flags: number, mask: number): number {
    return wordCallRaw(this.#numbers.statx, this.fd, nameAddress, flags, mask, answerAddress);
  }
}
