/** Which filesystems are of this machine, so that nothing about them is asked of a server. */
import type { FileRef } from '../../binding/kcmp.ts';
import { readFdinfo } from '../fdinfo.ts';
import { type Mount, readMounts } from './mountinfo.ts';

/** On this machine's own disks, in its memory, or made up by its kernel. */
const LOCAL: ReadonlySet<string> = new Set(
  (
    'ext2 ext3 ext4 xfs btrfs bcachefs zfs f2fs jfs reiserfs nilfs2 vfat msdos exfat ntfs3 iso9660 udf squashfs erofs cramfs ' +
    'overlay tmpfs ramfs rootfs devtmpfs devpts hugetlbfs proc sysfs cgroup cgroup2 mqueue debugfs tracefs securityfs ' +
    'selinuxfs configfs pstore efivarfs bpf binfmt_misc fusectl'
  ).split(' '),
);

/** The mount by which a descriptor was opened; undefined where it is none that this process sees. */
export function mountOf(
  { pid, fd }: FileRef,
  mounts: readonly Mount[] | string = readMounts(process.pid),
): Mount | undefined {
  const info = readFdinfo(pid, fd);
  const id = typeof info === 'string' ? undefined : /^mnt_id:\s*(\d+)$/m.exec(info.text)?.[1];
  return typeof mounts === 'string' ? undefined : mounts.find((mount) => mount.id === Number(id));
}

/** Whether names in it are looked up without a server. */
export const isLocal = (mount: Mount | undefined): boolean => mount !== undefined && LOCAL.has(mount.type);
