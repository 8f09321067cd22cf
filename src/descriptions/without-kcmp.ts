/**
 * Are two descriptors one description, where kcmp(2) is blocked or missing? What is exact decides; the rest stays unknown.
 */
import { refusalCode } from '../binding/explain.ts';
import { F_DUPFD_QUERY, KCMP_FILE } from '../binding/abi.ts';
import { errnoName, errnoText, KcmpError } from '../binding/errors.ts';
import type { FileRef } from '../binding/kcmp.ts';
import { fcntlRaw } from '../binding/syscall.ts';
import { type FileStat, isSameInode, isClosed, readLink, statIno } from '../procfs/fd.ts';
import { O_PATH, readFdinfo } from '../procfs/fdinfo.ts';
import { inodeOf as inodeOfLink, isSocketLink } from '../procfs/link.ts';
import { isListed } from '../procfs/processes.ts';
import { checkProc } from '../procfs/root.ts';
import type { Account } from '../scan/coverage.ts';
import { refusalReason, taskExists } from '../scan/reason.ts';
import type { Steps } from '../scan/steps.ts';
import { isRef } from '../scan/subject.ts';
import { drain } from '../util/drain.ts';
import { ERRNO } from '../util/errno.ts';

const { EBADF, ESRCH } = ERRNO;

/** How it was found out that two descriptors share a description, or that they do not. */
export type Via = 'kcmp' | 'dupfd-query' | 'socket-inode' | 'different-inode' | 'same-descriptor' | 'none';

/** What {@link identifyFiles} found out, and by which means. */
export type FileIdentity =
  | { relation: 'same' | 'different'; via: Exclude<Via, 'none'>; reason?: undefined }
  | {
      relation: 'unknown';
      via: 'none';
      /** Why it stays unknown. */
      reason: string;
    };

const F_GETFD = 1;
const ATTEMPTS = 3;

const unknown = (reason: string): FileIdentity => ({ relation: 'unknown', via: 'none', reason });

/** What kcmp(2) would have thrown; its own explanation would need kcmp(2). */
function missing(errno: number, what: string, a: FileRef, b: FileRef): KcmpError {
  const code = errnoName(-errno);
  const args = { pid1: a.pid, pid2: b.pid, type: KCMP_FILE, fd1: a.fd, fd2: b.fd } as const;
  return new KcmpError(code, -errno, `${code}: ${errnoText(-errno)}, kcmp: ${what}`, args);
}
const closed = ({ pid, fd }: FileRef, a: FileRef, b: FileRef): KcmpError =>
  missing(EBADF, `fd ${fd} of pid ${pid} is not open`, a, b);
const absent = ({ pid }: FileRef, a: FileRef, b: FileRef): KcmpError =>
  missing(ESRCH, `pid ${pid} does not exist in this pid namespace`, a, b);

const isClosedHere = (fd: number): boolean => fcntlRaw(fd, F_GETFD, 0) === -EBADF;

/** `fcntl(a, F_DUPFD_QUERY, b)`: 1 one description, 0 two; undefined before Linux 6.10 or under a filter. */
function queryOwn(a: FileRef, b: FileRef): boolean | undefined {
  const result = fcntlRaw(a.fd, F_DUPFD_QUERY, b.fd);
  // A second descriptor that is closed answers 0 as well.
  for (const ref of [a, b]) if (isClosedHere(ref.fd)) throw closed(ref, a, b);
  return result < 0 ? undefined : (result & 1) === 1;
}

/** The inode behind a descriptor, or why it cannot be seen; throws when there is no such descriptor. */
function inodeOf(ref: FileRef, a: FileRef, b: FileRef): FileStat | string {
  const inode = statIno(ref.pid, ref.fd);
  if (typeof inode !== 'string') return inode;
  if (isClosed(inode)) {
    if (!taskExists(ref.pid)) throw absent(ref, a, b);
    if (isListed(ref.pid)) throw closed(ref, a, b);
  }
  return `fd ${ref.fd} of pid ${ref.pid} cannot be seen: ${refusalReason(inode, ref.pid)}`;
}

/** The inode of a socket, and whether it was opened by O_PATH; undefined for all else, and for what changed meanwhile. */
function socketAt({ pid, fd }: FileRef): { inode: number; isPath: boolean } | undefined {
  const link = readLink(pid, fd);
  if (link === null || !isSocketLink(link)) return undefined;
  const info = readFdinfo(pid, fd);
  if (typeof info === 'string' || info.flags === undefined) return undefined;
  const inode = inodeOfLink(link);
  // One text of fdinfo tells inode and flags of one file; since Linux 5.14.
  if (info.ino !== undefined && Number(info.ino) !== inode) return undefined;
  return { inode, isPath: (info.flags & O_PATH) !== 0 };
}

/**
 * The inode of a socket as socket(2) makes it, of which there is one description an inode; NaN for all else. An O_PATH
 * descriptor of a socket is another description of it, and one of a socket's name in the file system has that file's
 * inode.
 */
export function plainSocket(ref: FileRef): number {
  const socket = socketAt(ref);
  return socket === undefined || socket.isPath ? Number.NaN : socket.inode;
}

/** Whether it is a socket's other description, and not one that could not be seen. */
export const isPathOfSocket = (ref: FileRef): boolean => socketAt(ref)?.isPath === true;
export const isPlainSocket = (ref: FileRef): boolean => !Number.isNaN(plainSocket(ref));

/** So often descriptors are looked at in turn that may take turns themselves. */
const TURNS = 12;

/** Whether these are all one socket at one moment: looked at in turn, since none may be it only while another is not. */
export function* areOneSocket(refs: readonly FileRef[]): Steps<boolean> {
  const [first, ...others] = refs as [FileRef, ...FileRef[]];
  const inode = plainSocket(first);
  for (let turn = 0; turn < TURNS; turn++) {
    for (const other of others) {
      if (plainSocket(other) !== inode) return false;
      yield;
    }
    if (plainSocket(first) !== inode) return false;
  }
  return true;
}

/** By the inodes; that of `a` is looked at again after `b`, so that both are known of one moment. */
function identifyByInode(a: FileRef, b: FileRef, why: string): FileIdentity {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const first = inodeOf(a, a, b);
    const second = inodeOf(b, a, b);
    const unseen = [first, second].filter((inode) => typeof inode === 'string');
    if (typeof first === 'string' || typeof second === 'string')
      return unknown(`${why}; ${[...new Set(unseen)].join('; ')}`);
    const sockets = isSameInode(first, second) && drain(areOneSocket([a, b]));
    const again = [inodeOf(a, a, b), inodeOf(b, a, b)] as const;
    if (typeof again[0] === 'string' || typeof again[1] === 'string') continue;
    if (!isSameInode(again[0], first) || !isSameInode(again[1], second)) continue;
    if (!isSameInode(first, second)) return { relation: 'different', via: 'different-inode' };
    if (sockets) return { relation: 'same', via: 'socket-inode' };
    return unknown(`${why}; both are on one inode, of which there may be several open file descriptions`);
  }
  return unknown(`${why}; the descriptors changed whenever they were looked at`);
}

/** Why /proc cannot be believed: in another pid namespace's, the same pid is another process. */
function procTrouble(): string | undefined {
  try {
    checkProc();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * {@link identifyFiles} without kcmp(2), for callers that know it to be blocked: arguments are not checked.
 *
 * @param why - what to say first in the reason of an unknown answer
 * @throws KcmpError `EBADF`, `ESRCH`, as kcmp(2) would
 */
export function identifyWithoutKcmp(a: FileRef, b: FileRef, why: string): FileIdentity {
  const { pid } = process;
  const own = (ref: FileRef): boolean => ref.pid === pid;
  for (const ref of [a, b]) if (own(ref) && isClosedHere(ref.fd)) throw closed(ref, a, b);
  if (own(a) && own(b) && a.fd !== b.fd) {
    const answer = queryOwn(a, b);
    if (answer !== undefined) return { relation: answer ? 'same' : 'different', via: 'dupfd-query' };
  }
  const one = isRef(a, b);
  if (one && own(a)) return { relation: 'same', via: 'same-descriptor' };
  const trouble = procTrouble();
  if (trouble !== undefined) return unknown(`${why}; ${trouble}`);
  if (!one) return identifyByInode(a, b, why);
  const inode = inodeOf(a, a, b);
  return typeof inode === 'string' ? unknown(`${why}; ${inode}`) : { relation: 'same', via: 'same-descriptor' };
}

/** Same description, another one, or undefined when it could not be told, which is counted against `b`. */
export function sameWithoutKcmp(a: FileRef, b: FileRef, account: Pick<Account, 'skip'>): boolean | undefined {
  try {
    const { relation } = identifyWithoutKcmp(a, b, '');
    if (relation !== 'unknown') return relation === 'same';
    account.skip(b.pid, refusalCode(), 'descriptor');
  } catch (error) {
    account.skip(b.pid, (error as NodeJS.ErrnoException).code ?? refusalCode(), 'descriptor');
  }
  return undefined;
}
