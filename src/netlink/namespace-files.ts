/**
 * Network namespaces in which there may be no task: `ip netns add` keeps one by a mount, others are kept by a descriptor.
 *
 * A path is gone by as far as the kernel remembers it, and nothing is opened before it is known to be a namespace: by then
 * a descriptor may be of a FIFO, or of a file whose server is dead.
 *
 * Source: network_namespaces(7), ip-netns(8); fs/nsfs.c.
 */
import { errnoName } from '../binding/errors.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { syscallNumbers, wordCallRaw } from '../binding/syscall.ts';
import { O_CLOEXEC, O_PATH } from '../procfs/fdinfo.ts';
import { readLink } from '../procfs/fd.ts';
import { type Mount, mountOf, readMounts } from '../procfs/kind/mountinfo.ts';
import { openCached } from '../procfs/raw/path.ts';
import { readStart } from '../procfs/raw/start.ts';
import { codeOf, fs } from '../procfs/read.ts';
import { PROC } from '../procfs/root.ts';

/** A descriptor of a namespace, or where one is mounted. */
export type NamespaceFile = FileRef | Mount;

/** `net:[4026532177]`: the link of a descriptor, and the root of a mount. */
export const isNetNamespace = (text: string): boolean => text.startsWith('net:[');

/** That of the calling thread, as a link reads; '' where /proc does not tell. Who may enter no other may not enter this either. */
export function ownNamespace(): string {
  try {
    return fs().readlinkSync(`${PROC}/thread-self/ns/net`);
  } catch (error) {
    codeOf(error);
    return '';
  }
}

/** Those that are mounted where this process sees it, but for its own. */
export function mountedNamespaces(): Mount[] {
  const mounts = readMounts(process.pid);
  if (typeof mounts === 'string') return [];
  const own = ownNamespace();
  return mounts.filter(({ root, type }) => type === 'nsfs' && isNetNamespace(root) && root !== own);
}

function isStill(fd: number, file: NamespaceFile): boolean {
  if ('fd' in file) return isNetNamespace(readLink(process.pid, fd) ?? '');
  return mountOf(readStart(process.pid, `fdinfo/${fd}`), [file]) !== undefined;
}

/** A descriptor by which it can be entered, or the errno's name. */
export function openNamespaceFile(file: NamespaceFile): number | string {
  try {
    const fd =
      'fd' in file ? fs().openSync(`${PROC}/${file.pid}/fd/${file.fd}`, O_PATH | O_CLOEXEC) : openCached(file.point);
    if (fd < 0) return errnoName(fd);
    try {
      return isStill(fd, file) ? fs().openSync(`${PROC}/self/fd/${fd}`, 'r') : 'ESRCH';
    } finally {
      wordCallRaw(syscallNumbers().close, fd, 0, 0, 0, 0);
    }
  } catch (error) {
    return codeOf(error);
  }
}
