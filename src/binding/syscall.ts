/**
 * The system calls themselves, through libc's syscall(2). The only file that names
 * koffi, which is loaded by the first call and never by an import.
 */
import { KCMP_EPOLL_TFD, SYSCALL_NUMBERS, type SyscallNumbers } from './abi.ts';
import { coded, type CodedError } from './arguments.ts';
import { EPOLL_SLOT_SIZE, writeEpollSlot } from './epoll-slot.ts';
import { requireHere } from './require.ts';
import { processorRefusal } from './processor.ts';

const os = process.getBuiltinModule('node:os');

type Syscall = (nr: number, a: number, b: number, c: number, d: number, e: number) => number;

let syscall: Syscall | undefined;
let wordCall: Syscall | undefined;
let pathCall: Syscall | undefined;
let addressOf: (bytes: Uint8Array) => number;
let errno: () => number;
let numbers: SyscallNumbers;
let kcmpNumber = 0;

// One slot serves the whole isolate, since calls are synchronous. Its memory is outside
// the JavaScript heap and private to this file, so that its address holds for good.
const slotBytes = new Uint8Array(new ArrayBuffer(EPOLL_SLOT_SIZE));
const slot = new DataView(slotBytes.buffer);
let slotAddress = 0;

function unserved(): string | undefined {
  if (process.platform !== 'linux') return `kcmp(2) exists on Linux only, and this is ${process.platform}`;
  if (os.endianness() !== 'LE') return `big-endian ${process.arch} is not served: koffi has no build for it`;
  if (SYSCALL_NUMBERS[process.arch] === undefined) return `the architecture ${process.arch} is not served`;
  return undefined;
}

/** Why this platform cannot make the call and what helps, or undefined where it can. Loads nothing native. */
export function platformRefusal(): { reason: string; fix: string } | undefined {
  const reason = unserved();
  if (reason !== undefined) return { reason, fix: 'run it on Linux, on an architecture that koffi serves' };
  return processorRefusal();
}

/** The versions of koffi that package.json asks for. */
const isAskedFor = (version: string): boolean => {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  return major === 3 && (minor > 3 || (minor === 3 && patch >= 4));
};

/**
 * koffi's native code, which is all of koffi that is called here: what stands around it takes longer to be loaded. Where
 * that package is not within reach, or of another version, koffi itself finds what it has, or says what it lacks.
 */
function loadKoffi(): typeof import('koffi') {
  const require = requireHere();
  try {
    const native = require(BINARY) as typeof import('koffi');
    if (isAskedFor(native.version)) return native;
  } catch {
    // Not installed, or not beside this package.
  }
  return require('koffi') as typeof import('koffi');
}

/**
 * Loads koffi and libc's syscall().
 * @throws Error `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`, or `ERR_KOFFI_UNAVAILABLE` with koffi's own error as `cause`
 */
export function load(): Syscall {
  if (syscall !== undefined) return syscall;
  const refusal = platformRefusal();
  if (refusal !== undefined) throw coded(new Error(refusal.reason), 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
  numbers = SYSCALL_NUMBERS[process.arch] as SyscallNumbers;
  kcmpNumber = numbers.kcmp;
  try {
    const koffi = loadKoffi();
    errno = koffi.errno;
    addressOf = (bytes) => Number(koffi.address(bytes));
    slotAddress = addressOf(slotBytes);
    // The number is `long` as syscall() takes it, the rest as kcmp(2) declares it. The result fits an int,
    // which koffi hands back faster than a long.
    const libc = koffi.load(null);
    syscall = libc.func('int syscall(long, int, int, int, ulong, ulong)') as unknown as Syscall;
    // For calls that take an address early on.
    wordCall = libc.func('int syscall(long, int, ulong, ulong, ulong, ulong)') as unknown as Syscall;
    pathCall = libc.func('int syscall(long, ulong, ulong, ulong, ulong, ulong)') as unknown as Syscall;
  } catch (cause) {
    throw koffiUnavailable(cause);
  }
  return syscall;
}

/** A script for a child process, which calls kcmp(2) with every type on itself. It depends on nothing but koffi. */
export function trialScript(): string {
  load();
  const koffi = JSON.stringify(requireHere().resolve('koffi'));
  return `
    const koffi = process.getBuiltinModule('node:module').createRequire(${koffi})(${koffi});
    const call = koffi.load(null).func('int syscall(long, int, int, int, ulong, ulong)');
    for (let type = -1; type <= ${KCMP_EPOLL_TFD}; type++) call(${kcmpNumber}, process.pid, process.pid, type, 0, 0);`;
}

const BINARY = `@koromix/koffi-linux-${process.arch}`;

/** Whether Node's permission model keeps koffi from being loaded, by what that threw, and what to change. */
export function koffiDenial(cause: unknown): { reason: string; fix: string } | undefined {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (code !== 'ERR_DLOPEN_DISABLED' && code !== 'ERR_ACCESS_DENIED') return undefined;
  return {
    reason: `kcmp needs ${BINARY}, which Node's permission model does not allow`,
    fix: 'run node with --allow-addons, --allow-fs-read=/proc and --allow-fs-read of where it is installed',
  };
}

/** As Node says it, and the loader of a binary. */
const FULL = /\bE[MN]FILE\b|[Tt]oo many open files/;

function koffiUnavailable(cause: unknown): CodedError {
  const denial = koffiDenial(cause);
  const why = FULL.test(String(cause))
    ? 'This process, or this machine, may open no more files: close some, or raise ulimit -n.'
    : 'Install again without --omit=optional and without leaving out optional dependencies.';
  const message =
    denial === undefined
      ? `kcmp needs the package koffi with its binary ${BINARY}, which could not be loaded. ${why}`
      : `${denial.reason}; ${denial.fix}`;
  return coded(new Error(message, { cause }), 'ERR_KOFFI_UNAVAILABLE');
}

/**
 * kcmp(2) as it is: no checks, no exceptions but those of {@link load}.
 * @returns the kernel's result, 0 … 3, or a negative errno
 */
export function kcmpRaw(pid1: number, pid2: number, type: number, idx1: number, idx2: number): number {
  const result = (syscall ?? load())(kcmpNumber, pid1, pid2, type, idx1, idx2);
  // errno is only ours until anything else runs.
  return result === -1 ? -errno() : result;
}

/** kcmp(2) with KCMP_EPOLL_TFD: is fd1 of pid1 the file of this target of an epoll instance of pid2? */
export function kcmpEpollRaw(pid1: number, pid2: number, fd1: number, efd: number, tfd: number, toff: number): number {
  const call = syscall ?? load();
  writeEpollSlot(slot, efd, tfd, toff);
  const result = call(kcmpNumber, pid1, pid2, KCMP_EPOLL_TFD, fd1, slotAddress);
  return result === -1 ? -errno() : result;
}

/** fcntl(2) with a whole number as its argument. */
export function fcntlRaw(fd: number, command: number, argument: number): number {
  const result = (syscall ?? load())(numbers.fcntl, fd, command, argument, 0, 0);
  return result === -1 ? -errno() : result;
}

/** The numbers of this architecture. */
export function syscallNumbers(): SyscallNumbers {
  load();
  return numbers;
}

/**
 * The address of bytes outside the JavaScript heap, to be taken once: it holds for as long as
 * they can be reached and their buffer is neither transferred nor resized.
 */
export function addressOfBytes(bytes: Uint8Array): number {
  load();
  return addressOf(bytes);
}

/** A system call of an int and up to four words, whose result fits an int. Returns that, or a negative errno. */
export function wordCallRaw(nr: number, a: number, b: number, c: number, d: number, e: number): number {
  const result = (wordCall as Syscall)(nr, a, b, c, d, e);
  return result === -1 ? -errno() : result;
}

/** As {@link wordCallRaw}, for calls whose first argument is an address. */
export function pathCallRaw(nr: number, a: number, b: number, c: number, d: number): number {
  const result = (pathCall as Syscall)(nr, a, b, c, d, 0);
  return result === -1 ? -errno() : result;
}
