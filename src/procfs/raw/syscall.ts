/**
 * /proc/TID/syscall: in which system call a task waits, and on which descriptor. To read it takes ptrace(2)'s permission to
 * attach, and the lock that an exec keeps: whoever may be stuck in one is not to be asked.
 *
 * Sources: proc_pid_syscall() of fs/proc/base.c; asm/unistd.h of each architecture, where a call's first argument is a
 * descriptor on which it may wait; get_unused_fd_flags() of fs/file.c, which accept(2) and open(2) call before they wait.
 */
import { readPlace } from './runs.ts';
import { readStart } from './start.ts';

/**
 * Calls by their numbers. poll(2) and select(2) keep their descriptors where only the task itself can read them, and which
 * of its two splice(2) waits for is not told.
 */
const X64 =
  'read 0,write 1,ioctl 16,pread64 17,pwrite64 18,readv 19,writev 20,connect 42,accept 43,sendto 44,recvfrom 45,sendmsg 46,' +
  'recvmsg 47,fcntl 72,flock 73,fsync 74,fdatasync 75,epoll_wait 232,epoll_pwait 281,accept4 288,recvmmsg 299';
const GENERIC =
  'epoll_pwait 22,fcntl 25,ioctl 29,flock 32,read 63,write 64,readv 65,writev 66,pread64 67,pwrite64 68,fsync 82,' +
  'fdatasync 83,accept 202,connect 203,sendto 206,recvfrom 207,sendmsg 211,recvmsg 212,accept4 242,recvmmsg 243';
const OLD = 'read 3,write 4,ioctl 54,fcntl 55,fsync 118,flock 143,readv 145,writev 146';
const NUMBERS: Readonly<Record<string, string>> = {
  x64: X64,
  arm64: GENERIC,
  riscv64: GENERIC,
  loong64: GENERIC,
  ia32: `${OLD},fcntl 221,epoll_wait 256,epoll_pwait 319,recvmmsg 337,connect 362,accept4 364,sendto 369,sendmsg 370,recvfrom 371,recvmsg 372`,
  arm: `${OLD},fcntl 221,epoll_wait 252,connect 283,accept 285,sendto 290,recvfrom 292,sendmsg 296,recvmsg 297,epoll_pwait 346,accept4 366`,
  ppc64: `${OLD},epoll_wait 238,epoll_pwait 303,connect 328,accept 330,sendto 335,recvfrom 337,sendmsg 341,recvmsg 342,accept4 344`,
};
/** Calls that wait for no descriptor at all. */
const X64_ASIDE =
  'pause 34,nanosleep 35,wait4 61,rt_sigtimedwait 128,rt_sigsuspend 130,futex 202,clock_nanosleep 230,waitid 247';
const GENERIC_ASIDE =
  'waitid 95,futex 98,nanosleep 101,clock_nanosleep 115,rt_sigsuspend 133,rt_sigtimedwait 137,wait4 260';
const OLD_ASIDE = 'pause 29,wait4 114,nanosleep 162';
/** Those of 64-bit times, under the names of the others. */
const WIDE_TIMES = 'clock_nanosleep 407,rt_sigtimedwait 421,futex 422';
const ASIDE: Readonly<Record<string, string>> = {
  x64: X64_ASIDE,
  arm64: GENERIC_ASIDE,
  riscv64: GENERIC_ASIDE,
  loong64: GENERIC_ASIDE,
  ia32: `${OLD_ASIDE},${WIDE_TIMES},waitpid 7,rt_sigtimedwait 177,rt_sigsuspend 179,futex 240,clock_nanosleep 267,waitid 284`,
  arm: `${OLD_ASIDE},${WIDE_TIMES},rt_sigtimedwait 177,rt_sigsuspend 179,futex 240,clock_nanosleep 265,waitid 280`,
  ppc64: `${OLD_ASIDE},waitpid 7,rt_sigtimedwait 176,rt_sigsuspend 178,futex 221,clock_nanosleep 248,waitid 272`,
};
/** Calls that reserve a number for what they open, and may wait before they do. */
const GENERIC_OPENING = 'openat 56';
const OLD_OPENING = 'open 5,creat 8';
const OPENING: Readonly<Record<string, string>> = {
  x64: 'open 2,creat 85,openat 257',
  arm64: GENERIC_OPENING,
  riscv64: GENERIC_OPENING,
  loong64: GENERIC_OPENING,
  ia32: `${OLD_OPENING},openat 295`,
  arm: `${OLD_OPENING},openat 322`,
  ppc64: `${OLD_OPENING},openat 286`,
};
const NEW_OPENING = 'openat2 437';
/** Calls that may take a connection of a listener, whatever they were given. */
const TAKES = /^(?:accept|epoll_|io_uring)/;
/** The same everywhere. */
const NEW = 'io_uring_enter 426,epoll_pwait2 441';

const MAX_FD = 2 ** 31;
/** A task of 32 bits on a machine of 64 has numbers of its own, and its stack is below this. */
const FOUR_GIB = 2n ** 32n;
const isWide = !['ia32', 'arm'].includes(process.arch);

interface Calls {
  /** By number: calls on a descriptor. */
  waiting: ReadonlyMap<number, string>;
  /** By number: calls on none. */
  aside: ReadonlyMap<number, string>;
  /** By number: calls that open by a name. */
  opening: ReadonlyMap<number, string>;
}

let here: Calls | undefined;

function readNames(text: string): ReadonlyMap<number, string> {
  const entries = text.split(',').filter((entry) => entry !== '');
  return new Map(entries.map((entry) => entry.split(' ')).map(([name = '', number]) => [Number(number), name]));
}

/** The calls of an architecture, which Node names so. */
export const callsOf = (architecture: string): Calls => ({
  waiting: readNames(`${NUMBERS[architecture] ?? ''},${NEW}`),
  aside: readNames(ASIDE[architecture] ?? ''),
  opening: readNames(`${OPENING[architecture] ?? ''},${NEW_OPENING}`),
});

const calls = (): Calls => (here ??= callsOf(process.arch));

/** What a task waits for: the call, and the descriptor that it was given. */
export interface WaitingCall {
  call: string;
  fd: number;
  /** What stands behind it, as an int: of flock(2) and fcntl(2) the operation. */
  argument: number;
}

const LINE = /^(\d+) 0x([\da-f]+) 0x([\da-f]+) (?:0x[\da-f]+ ){4}0x([\da-f]+) 0x[\da-f]+$/;

/** Undefined for a task that runs, or waits in a call that has no descriptor for its first argument. */
export function parseSyscall(text: string): WaitingCall | undefined {
  const [number, first = '', second = ''] = fieldsOf(text);
  const call = calls().waiting.get(Number(number));
  const fd = intOf(first);
  return call === undefined || fd >= MAX_FD ? undefined : { call, fd, argument: intOf(second) };
}

/** The call's number and its first two arguments; none of a task that runs, or of one of 32 bits. */
function fieldsOf(text: string): string[] {
  const [, number = '', first = '0', second = '0', stack = ''] = LINE.exec(text.trim()) ?? [];
  return number === '' || (isWide && BigInt(`0x${stack}`) < FOUR_GIB) ? ['NaN', '0'] : [number, first, second];
}

/** The call in which a task waits that takes no connection meanwhile; undefined where it may, or runs, or that is not known. */
export function parseAside(text: string): string | undefined {
  const call = parseSyscall(text)?.call;
  if (call !== undefined) return TAKES.test(call) ? undefined : call;
  return calls().aside.get(Number(fieldsOf(text)[0]));
}

/** Whether a task waits in a call that has reserved a number, which nothing is open under yet. */
export function isReserving(text: string): boolean {
  const number = Number(fieldsOf(text)[0]);
  return calls().opening.has(number) || calls().waiting.get(number)?.startsWith('accept') === true;
}

/** The register is as wide as the machine, the argument is not. */
const intOf = (digits: string): number => Number(BigInt.asUintN(32, BigInt(`0x${digits}`)));

/**
 * Where a task waits for no descriptor. A call of 32 bits that a task of 64 makes, as by `int 0x80`, has a number of
 * another table, and nothing in /proc tells of which it is. A call that a seccomp filter hands to a supervisor has not begun.
 */
const ASIDE_PLACE = /nanosleep|sigsuspend|sigtimedwait|^do_wait$|^futex_|pause$|int80|^seccomp_/i;

export function readSyscall(tid: number): WaitingCall | undefined {
  const call = parseSyscall(readStart(tid, 'syscall'));
  return call === undefined || ASIDE_PLACE.test(readPlace(tid)) ? undefined : call;
}

export const hasReserved = (tid: number): boolean => isReserving(readStart(tid, 'syscall'));

export const readAside = (tid: number): string | undefined => parseAside(readStart(tid, 'syscall'));
