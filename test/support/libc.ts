/**
 * What plain Node cannot set up: system calls and libc functions for fixtures.
 * Each throws an Error with the errno's name as its code.
 */
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { getSystemErrorName } from 'node:util';

const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
const lib = koffi.load(null);

export type Call = (...args: unknown[]) => number;

/** Declares a libc function; -1 becomes an exception. */
export function libc(declaration: string): Call {
  const call = lib.func(declaration) as unknown as Call;
  return (...args) => {
    const result = call(...args);
    if (result !== -1) return result;
    const errno = koffi.errno();
    const code = getSystemErrorName(-errno);
    throw Object.assign(new Error(`${code}: ${declaration}`), { code, errno: -errno });
  };
}

const raw = libc('long syscall(long, long, long, long, long, long)');

/** syscall(2) with whole numbers. */
export const syscall = (nr: number, ...args: number[]): number =>
  raw(nr, args[0] ?? 0, args[1] ?? 0, args[2] ?? 0, args[3] ?? 0, args[4] ?? 0);

/** The address of a typed array, which must stay reachable. */
export const addressOf = (view: Uint8Array): number => Number(koffi.address(view));

export const dup: (fd: number) => number = libc('int dup(int)');
export const dup2: (from: number, to: number) => number = libc('int dup2(int, int)');
export const write: (fd: number, bytes: Uint8Array) => number = (
  (call) => (fd, bytes) =>
    call(fd, bytes, bytes.length)
)(libc('long write(int, void *, ulong)'));
export const close: (fd: number) => number = libc('int close(int)');
export const eventfd: (value?: number, flags?: number) => number = (
  (call) =>
  (value = 0, flags = 0) =>
    call(value, flags)
)(libc('int eventfd(uint, int)'));
export const timerfd = (): number => libc('int timerfd_create(int, int)')(1, 0);
export const inotify = (): number => libc('int inotify_init1(int)')(0);
export const memfd: (name: string) => number = (
  (call) => (name) =>
    call(name, 0)
)(libc('int memfd_create(str, uint)'));
export const epollCreate: (flags?: number) => number = (
  (call) =>
  (flags = 0) =>
    call(flags)
)(libc('int epoll_create1(int)'));
export const fcntl: (fd: number, command: number, argument?: number) => number = (
  (call) =>
  (fd, command, argument = 0) =>
    call(fd, command, argument)
)(libc('int fcntl(int, int, long)'));

/** What libc opens a child inherits; not so after this, unless the child is given it. @returns the descriptor */
export function closeOnExec(fd: number): number {
  const F_SETFD = 2;
  const FD_CLOEXEC = 1;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
}

/** The same for all that this process has, also what it was itself started with, but 0, 1 and 2. */
export function closeAllOnExec(): void {
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    try {
      if (fd > 2) closeOnExec(fd);
    } catch {
      // the folder that was listed
    }
  }
}

export const prctl: (option: number, a?: number, b?: number, c?: number, d?: number) => number = (
  (call) =>
  (option, a = 0, b = 0, c = 0, d = 0) =>
    call(option, a, b, c, d)
)(libc('int prctl(int, ulong, ulong, ulong, ulong)'));
export const setuid: (uid: number) => number = libc('int setuid(uint)');
export const setgid: (gid: number) => number = libc('int setgid(uint)');
export const unshare: (flags: number) => number = libc('int unshare(int)');
export const mount: (source: string, target: string, type: string, flags: number, data: string) => number = libc(
  'int mount(str, str, str, ulong, str)',
);
export const umount2: (target: string, flags: number) => number = libc('int umount2(str, int)');
export const setpgid: (pid: number, group: number) => number = libc('int setpgid(int, int)');
export const getppid: () => number = libc('int getppid()');
export const gettid: () => number = libc('int gettid()');
export const kill: (pid: number, signal: number) => number = libc('int kill(int, int)');
export const ioctl: (fd: number, request: number, address: number) => number = libc('int ioctl(int, ulong, ulong)');

/** poll(2) for input on one descriptor: is there any within so many milliseconds? */
export function poll(fd: number, timeoutMs: number): boolean {
  const pollfd = Buffer.alloc(8);
  pollfd.writeInt32LE(fd, 0);
  pollfd.writeInt16LE(1, 4); // POLLIN
  return pollCall(pollfd, 1, timeoutMs) > 0;
}
const pollCall = libc('int poll(void *, ulong, int)');

export const EPOLLIN = 0x1;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
export const CLONE_FILES = 0x400;
export const CLONE_FS = 0x200;

const epollCtlCall = libc('int epoll_ctl(int, int, int, void *)');

/** epoll_ctl(2). struct epoll_event is packed on x86-64, and so it is on i386, where eight bytes need no place of their own. */
export function epollCtl(
  efd: number,
  operation: number,
  fd: number,
  events: number = EPOLLIN,
  data: bigint = BigInt(fd),
): void {
  const event = Buffer.alloc(16);
  event.writeUInt32LE(events >>> 0, 0);
  event.writeBigUInt64LE(data, process.arch === 'x64' || process.arch === 'ia32' ? 4 : 8);
  epollCtlCall(efd, operation, fd, event);
}

function pair(declaration: string, ...args: unknown[]): [number, number] {
  const fds = Buffer.alloc(8);
  libc(declaration)(...args, fds);
  return [fds.readInt32LE(0), fds.readInt32LE(4)];
}

export const pipe = (): [number, number] => pair('int pipe(void *)');
/** socketpair(AF_UNIX, SOCK_STREAM). */
export const socketpair = (): [number, number] => pair('int socketpair(int, int, int, void *)', 1, 1, 0);

/** pidfd_open(2), by the number that every architecture shares. */
export const pidfdOpen = (pid: number): number => syscall(434, pid, 0);

const CMSG_HEADER = process.arch === 'arm' || process.arch === 'ia32' ? 12 : 16;
const WORD = CMSG_HEADER === 16 ? 8 : 4;

/** struct msghdr with one byte of data and room for one descriptor in its control message. */
function message(fd: number): { header: Buffer; keep: Buffer[]; control: Buffer } {
  const data = Buffer.from('x');
  const iov = Buffer.alloc(2 * WORD);
  const control = Buffer.alloc(CMSG_HEADER + 8);
  const header = Buffer.alloc(7 * WORD);
  const word = (buffer: Buffer, index: number, value: number): void => {
    if (WORD === 8) buffer.writeBigUInt64LE(BigInt(value), index * 8);
    else buffer.writeUInt32LE(value, index * 4);
  };
  word(iov, 0, Number(koffi.address(data)));
  word(iov, 1, 1);
  word(header, 2, Number(koffi.address(iov)));
  word(header, 3, 1);
  word(header, 4, Number(koffi.address(control)));
  word(header, 5, CMSG_HEADER + WORD);
  word(control, 0, CMSG_HEADER + 4);
  control.writeInt32LE(1, WORD); // SOL_SOCKET
  control.writeInt32LE(1, WORD + 4); // SCM_RIGHTS
  control.writeInt32LE(fd, CMSG_HEADER);
  return { header, keep: [data, iov], control };
}

const sendmsg = libc('long sendmsg(int, void *, int)');
const recvmsg = libc('long recvmsg(int, void *, int)');

/** Sends a descriptor over a unix socket (SCM_RIGHTS). */
export function sendFd(socket: number, fd: number): void {
  const { header, keep } = message(fd);
  sendmsg(socket, header, 0);
  keep.length = 0;
}

/** Receives a descriptor that {@link sendFd} sent. */
export function receiveFd(socket: number): number {
  const { header, keep, control } = message(-1);
  recvmsg(socket, header, 0);
  keep.length = 0;
  return control.readInt32LE(CMSG_HEADER);
}

const IOPRIO_SET: Partial<Record<NodeJS.Architecture, number>> = { x64: 251, ia32: 289, arm: 314, ppc64: 273 };

/** Gives the calling thread an I/O context, by ioprio_set(2) with the priority that it has anyway. */
export function createIoContext(): void {
  const IOPRIO_WHO_PROCESS = 1;
  const BEST_EFFORT_4 = (2 << 13) | 4;
  syscall(IOPRIO_SET[process.arch] ?? 30, IOPRIO_WHO_PROCESS, 0, BEST_EFFORT_4);
}

/** Gives the calling thread a list of System V semaphore undo operations. It outlives the semaphore. */
export function createUndoList(): void {
  const IPC_PRIVATE = 0;
  const IPC_RMID = 0;
  const SEM_UNDO = 0x1000;
  const set = libc('int semget(int, int, int)')(IPC_PRIVATE, 1, 0o600);
  const operation = Buffer.alloc(6); // struct sembuf: u16 number, s16 operation, s16 flags
  operation.writeInt16LE(1, 2);
  operation.writeInt16LE(SEM_UNDO, 4);
  libc('int semop(int, void *, ulong)')(set, operation, 1);
  libc('int semctl(int, int, int)')(set, 0, IPC_RMID);
}

const mmap = lib.func('void *mmap(void *, ulong, int, int, int, long)') as unknown as (...args: unknown[]) => unknown;

/** Maps a page of a file, to be read only; returns its address. */
export const mapPage = (fd: number): number => Number(koffi.address(mmap(null, 4096, 1, 2, fd, 0) as never));

/** The memory of a file, which other processes may write to meanwhile: read it with Atomics. */
export function mapShared(fd: number, bytes: number, offset = 0): Uint32Array {
  const PROT_READ_WRITE = 3;
  const MAP_SHARED = 1;
  return new Uint32Array(koffi.view(mmap(null, bytes, PROT_READ_WRITE, MAP_SHARED, fd, offset), bytes));
}
