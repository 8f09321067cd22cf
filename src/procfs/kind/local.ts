/** Which filesystems are of this machine, so that nothing about them is asked of a server. */
import type { Mount } from './mountinfo.ts';

/** On this machine's own disks, in its memory, or made up by its kernel. */
const LOCAL: ReadonlySet<string> = new Set(
  (
    'ext2 ext3 ext4 xfs btrfs bcachefs zfs f2fs jfs reiserfs nilfs2 vfat msdos exfat ntfs3 iso9660 udf squashfs erofs cramfs ' +
    'overlay tmpfs ramfs rootfs devtmpfs devpts hugetlbfs proc sysfs cgroup cgroup2 mqueue debugfs tracefs securityfs ' +
    'selinuxfs configfs pstore efivarfs bpf binfmt_misc fusectl'
  ).split(' '),
);

/** Whether names in it are looked up without a server. */
export const isLocal = (mount: Mount | undefined): boolean => mount !== undefined && LOCAL.has(mount.type);
