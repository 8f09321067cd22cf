/**
 * The kernel's headers as data: the comparison types and results of <linux/kcmp.h>, the numbers of
 * the system calls on every architecture, and what reading /proc takes. Nothing here runs.
 *
 * Sources: include/uapi/linux/kcmp.h, kernel/kcmp.c and the syscall tables of
 * Linux 6.18; which builds koffi ships, from its package.json.
 */

/** Same open file description? Indices: two descriptors. Since Linux 3.5. */
export const KCMP_FILE = 0;
/** Same address space? Since Linux 3.5. */
export const KCMP_VM = 1;
/** Same descriptor table? Since Linux 3.5. */
export const KCMP_FILES = 2;
/** Same filesystem information (root, working directory, umask)? Since Linux 3.5. */
export const KCMP_FS = 3;
/** Same table of signal dispositions? Since Linux 3.5. */
export const KCMP_SIGHAND = 4;
/** Same I/O context? Since Linux 3.5. */
export const KCMP_IO = 5;
/** Same list of System V semaphore undo operations? Since Linux 3.5. */
export const KCMP_SYSVSEM = 6;
/** Is a descriptor's file this target of an epoll instance? Since Linux 4.13. */
export const KCMP_EPOLL_TFD = 7;

/** A comparison type, `enum kcmp_type`. */
export type KcmpType = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

/**
 * What the kernel answers: 0 equal, 1 the first orders before the second, 2 after it,
 * 3 different without an order (reserved; no kernel up to 6.18 returns it).
 */
export type KcmpResult = 0 | 1 | 2 | 3;

/** A resource of a whole task that {@link compareTasks} can compare. */
export type TaskResource = 'vm' | 'files' | 'fs' | 'sighand' | 'io' | 'sysvsem';

export const TASK_RESOURCE_TYPES: ReadonlyMap<TaskResource, KcmpType> = new Map([
  ['vm', KCMP_VM],
  ['files', KCMP_FILES],
  ['fs', KCMP_FS],
  ['sighand', KCMP_SIGHAND],
  ['io', KCMP_IO],
  ['sysvsem', KCMP_SYSVSEM],
]);

/** Node's names of architectures; named here, so that a consumer needs no types of Node. */
export type Architecture =
  | 'arm'
  | 'arm64'
  | 'ia32'
  | 'loong64'
  | 'mips'
  | 'mipsel'
  | 'ppc'
  | 'ppc64'
  | 'riscv64'
  | 's390'
  | 's390x'
  | 'x64';

/** System call numbers of one architecture, by Node's name of it. */
export interface SyscallNumbers {
  readonly kcmp: number;
  /** fcntl(2): its F_DUPFD_QUERY compares two of one's own descriptors where kcmp is blocked. */
  readonly fcntl: number;
  /** These seven read /proc in bulk. */
  readonly openat: number;
  readonly close: number;
  readonly read: number;
  readonly statx: number;
  readonly getdents64: number;
  readonly readlinkat: number;
  readonly lseek: number;
  /** These four ask the kernel about sockets by netlink(7), in other network namespaces too. */
  readonly socket: number;
  readonly write: number;
  readonly setns: number;
  readonly pidfd_open: number;
  /** getxattr(2): a socket tells its protocol by an attribute. */
  readonly getxattr: number;
  /** mq_open(2): a message queue tells on which device the others are. */
  readonly mq_open: number;
  /** getsockopt(2): whether a socket that no list has is connected. */
  readonly getsockopt: number;
}

/** F_DUPFD_QUERY of <linux/fcntl.h>, since Linux 6.10. */
export const F_DUPFD_QUERY = 1027;

/** openat2(2) has one number on every architecture. Since Linux 5.6. */
export const OPENAT2 = 437;
/** RESOLVE_CACHED of <linux/openat2.h>: only what the kernel remembers, else EAGAIN. Since Linux 5.12. */
export const RESOLVE_CACHED = 0x20;
/** Of <linux/fcntl.h>: a path is one from the working directory. */
export const AT_FDCWD = -100;
/** The open flag of a descriptor that does not outlive exec(2). Node has neither of the two. */
export const O_CLOEXEC = 0o2000000;
/** The open flag of a descriptor that names a file without access to it. */
export const O_PATH = 0o10000000;
/** What is known without asking a server: a dead network filesystem cannot hang whoever asks. */
export const AT_STATX_DONT_SYNC = 0x4000;
/** STATX_TYPE, STATX_MODE and STATX_INO of <linux/stat.h>. */
export const STATX_TYPE_MODE_INO = 0x103;
/** STATX_NLINK, STATX_UID and STATX_SIZE. */
export const STATX_NLINK_UID_SIZE = 0x20c;
/** STATX_NLINK and STATX_SIZE. */
export const STATX_NLINK_SIZE = 0x204;
/** STATX_BLOCKS. */
export const STATX_BLOCKS = 0x400;
/** STATX_MNT_ID, which is filled in unasked since Linux 5.8. */
export const STATX_MNT_ID = 0x1000;
/** Where struct statx has its fields, on every architecture. */
export const STX_MASK = 0;
export const STX_NLINK = 16;
export const STX_UID = 20;
export const STX_MODE = 28;
export const STX_INO = 32;
export const STX_SIZE = 40;
export const STX_BLOCKS = 48;
export const STX_RDEV_MAJOR = 128;
export const STX_DEV_MAJOR = 136;
export const STX_DEV_MINOR = 140;
export const STX_MNT_ID = 144;

/**
 * The architectures that work: those with a little-endian Linux build of koffi.
 *
 * Known to the kernel but not served, and why: s390x (kcmp is 343) is big-endian and
 * has no koffi build; mips and mipsel (o32: 4347) and mips64 have no koffi build;
 * ppc64 is 354 in both byte orders, but only the little-endian one has a koffi build.
 */
// biome-ignore format: a table, one line an architecture
export const SYSCALL_NUMBERS: Readonly<Partial<Record<Architecture, SyscallNumbers>>> = {
  x64: { kcmp: 312, fcntl: 72, openat: 257, close: 3, read: 0, statx: 332, getdents64: 217, readlinkat: 267, lseek: 8, socket: 41, write: 1, setns: 308, pidfd_open: 434, getxattr: 191, mq_open: 240, getsockopt: 55 },
  ia32: { kcmp: 349, fcntl: 221, openat: 295, close: 6, read: 3, statx: 383, getdents64: 220, readlinkat: 305, lseek: 19, socket: 359, write: 4, setns: 346, pidfd_open: 434, getxattr: 229, mq_open: 277, getsockopt: 365 }, // fcntl64
  arm: { kcmp: 378, fcntl: 221, openat: 322, close: 6, read: 3, statx: 397, getdents64: 217, readlinkat: 332, lseek: 19, socket: 281, write: 4, setns: 375, pidfd_open: 434, getxattr: 229, mq_open: 274, getsockopt: 295 }, // fcntl64
  // arm64, riscv64 and loong64 use asm-generic's table.
  arm64: { kcmp: 272, fcntl: 25, openat: 56, close: 57, read: 63, statx: 291, getdents64: 61, readlinkat: 78, lseek: 62, socket: 198, write: 64, setns: 268, pidfd_open: 434, getxattr: 8, mq_open: 180, getsockopt: 209 },
  riscv64: { kcmp: 272, fcntl: 25, openat: 56, close: 57, read: 63, statx: 291, getdents64: 61, readlinkat: 78, lseek: 62, socket: 198, write: 64, setns: 268, pidfd_open: 434, getxattr: 8, mq_open: 180, getsockopt: 209 },
  loong64: { kcmp: 272, fcntl: 25, openat: 56, close: 57, read: 63, statx: 291, getdents64: 61, readlinkat: 78, lseek: 62, socket: 198, write: 64, setns: 268, pidfd_open: 434, getxattr: 8, mq_open: 180, getsockopt: 209 },
  ppc64: { kcmp: 354, fcntl: 55, openat: 286, close: 6, read: 3, statx: 383, getdents64: 202, readlinkat: 296, lseek: 19, socket: 326, write: 4, setns: 350, pidfd_open: 434, getxattr: 212, mq_open: 262, getsockopt: 340 },
};
