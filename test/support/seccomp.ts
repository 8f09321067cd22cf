/**
 * Seccomp filters, mostly on kcmp(2), like those of containers and browsers, which the calling thread puts on itself
 * for good. Meant for a child process: `child.run(({ seccomp }) => seccomp.refuseKcmp('EPERM'))`.
 * No privileges are needed. Threads and processes that it starts afterwards inherit the filter.
 */
import { constants } from 'node:os';
import { KCMP_EPOLL_TFD, type KcmpType, SYSCALL_NUMBERS, type SyscallNumbers } from '../../src/binding/abi.ts';
import { addressOf, prctl, syscall } from './libc.ts';

/** What a filter needs to know of an architecture: AUDIT_ARCH_ of <linux/audit.h>, and seccomp(2)'s number. */
const ARCHITECTURES: Partial<Record<NodeJS.Architecture, { audit: number; seccomp: number }>> = {
  x64: { audit: 0xc000003e, seccomp: 317 },
  ia32: { audit: 0x40000003, seccomp: 354 },
  arm: { audit: 0x40000028, seccomp: 383 },
  arm64: { audit: 0xc00000b7, seccomp: 277 },
  riscv64: { audit: 0xc00000f3, seccomp: 277 },
  loong64: { audit: 0xc0000102, seccomp: 277 },
  ppc64: { audit: 0xc0000015, seccomp: 358 },
};

/** Actions of <linux/seccomp.h>. */
const ALLOW = 0x7fff0000;
const ERRNO = 0x00050000;
const KILL_PROCESS = 0x80000000;
const USER_NOTIF = 0x7fc00000;

/** Offsets in struct seccomp_data; of an argument, the low half on a little-endian machine. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const argument = (index: number): number => 16 + 8 * index;

/** One struct sock_filter. */
type Instruction = [code: number, jumpTrue: number, jumpFalse: number, value: number];
const load = (offset: number): Instruction => [0x20, 0, 0, offset];
const jumpUnless = (value: number, distance: number): Instruction => [0x15, 0, distance, value];
const answer = (action: number): Instruction => [0x06, 0, 0, action];

/** A program that allows everything but one call, by its name or number, about which the given instructions decide. */
function filter(call: keyof SyscallNumbers | number, decide: Instruction[]): Uint8Array {
  const audit = ARCHITECTURES[process.arch]?.audit ?? 0;
  const number = typeof call === 'number' ? call : (SYSCALL_NUMBERS[process.arch]?.[call] ?? 0);
  const program = [
    load(ARCHITECTURE),
    jumpUnless(audit, decide.length + 2),
    load(NUMBER),
    jumpUnless(number, decide.length),
    ...decide,
    answer(ALLOW),
  ];
  const bytes = Buffer.alloc(8 * program.length);
  for (const [index, [code, jumpTrue, jumpFalse, value]] of program.entries()) {
    bytes.writeUInt16LE(code, 8 * index);
    bytes.writeUInt8(jumpTrue, 8 * index + 2);
    bytes.writeUInt8(jumpFalse, 8 * index + 3);
    bytes.writeUInt32LE(value, 8 * index + 4);
  }
  return bytes;
}

const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_NEW_LISTENER = 8;

/** Installs it on this thread; returns what seccomp(2) returns. */
function install(program: Uint8Array, flags: number = 0): number {
  // struct sock_fprog: a u16 length, then a pointer.
  const is32 = process.arch === 'ia32' || process.arch === 'arm';
  const fprog = Buffer.alloc(is32 ? 8 : 16);
  fprog.writeUInt16LE(program.byteLength / 8, 0);
  if (is32) fprog.writeUInt32LE(addressOf(program), 4);
  else fprog.writeBigUInt64LE(BigInt(addressOf(program)), 8);
  prctl(PR_SET_NO_NEW_PRIVS, 1);
  return syscall(ARCHITECTURES[process.arch]?.seccomp ?? 0, SECCOMP_SET_MODE_FILTER, flags, addressOf(fprog));
}

/** A call fails with this errno: EPERM as in a container, ENOSYS as on a kernel without it. */
export function refuse(name: keyof SyscallNumbers, code: keyof typeof constants.errno): void {
  install(filter(name, [answer(ERRNO | constants.errno[code])]));
}

export const refuseKcmp = (code: 'EPERM' | 'ENOSYS'): void => refuse('kcmp', code);

/** Whoever calls kcmp dies of SIGSYS, as in Chromium's sandbox. */
export function killOnKcmp(): void {
  install(filter('kcmp', [answer(KILL_PROCESS)]));
}

/** Only KCMP_FILE, and only on this very process, as in Firefox's sandbox; anything else is EPERM. */
export function allowOnlyOwnFiles(): void {
  const refuse = answer(ERRNO | constants.errno.EPERM);
  install(
    filter('kcmp', [
      load(argument(0)),
      jumpUnless(process.pid, 5),
      load(argument(1)),
      jumpUnless(process.pid, 3),
      load(argument(2)),
      jumpUnless(0, 1),
      answer(ALLOW),
      refuse,
    ]),
  );
}

/** One type of comparison alone fails with this errno. */
export function refuseType(type: KcmpType, code: 'EPERM' | 'EINVAL'): void {
  install(filter('kcmp', [load(argument(2)), jumpUnless(type, 1), answer(ERRNO | constants.errno[code])]));
}

/** KCMP_EPOLL_TFD is EINVAL, as before Linux 4.13. */
export const refuseEpollTargets = (): void => refuseType(KCMP_EPOLL_TFD, 'EINVAL');

/**
 * Asks a supervisor what kcmp shall return: {@link superviseKcmp} of another thread, started before.
 * @returns the descriptor at which the supervisor listens
 */
export const askAboutKcmp = (): number => askAbout('kcmp');

/** The same of any call. */
export const askAbout = (call: keyof SyscallNumbers | number): number =>
  install(filter(call, [answer(USER_NOTIF)]), SECCOMP_FILTER_FLAG_NEW_LISTENER);
