/** The first process of a machine: makes it a Linux system, runs the tests, and turns it off. */

/** Lines that tell the report from what the kernel prints. */
export const BEGIN = 'kcmp: the tests begin on';
export const END = 'kcmp: the tests end with';

/** What lists sockets, what connects namespaces, and what makes devices of files, which Debian's kernels load when they are asked for it. */
export const MODULES: readonly string[] = ['inet_diag', 'tcp_diag', 'udp_diag', 'unix_diag', 'veth', 'loop'];

export const init = (tests: string[]): string => `#!/bin/busybox sh
/bin/busybox mkdir -p /busybox
/bin/busybox --install -s /busybox
/bin/busybox ln -sf dash /bin/sh
export PATH=/usr/bin:/usr/sbin:/bin:/sbin:/busybox HOME=/root TERM=dumb NO_COLOR=1 NODE_NO_WARNINGS=1 KCMP_LESS=10
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=1777 tmpfs /tmp
ln -sf /proc/self/fd /dev/fd
ifconfig lo 127.0.0.1 up
hostname kcmp
ulimit -Hn 524288
for module in ${MODULES.join(' ')}; do
  [ -e /modules/$module.ko.xz ] && unxz /modules/$module.ko.xz
  [ -e /modules/$module.ko ] && insmod /modules/$module.ko
done
cd /kcmp
echo "${BEGIN} $(uname -rm), Node $(node --version)"
node --test --test-concurrency=2 --test-timeout=900000 --test-reporter=tap ${tests.join(' ')} < /dev/null
echo "${END} $?"
sync
poweroff -f
`;
