/**
 * What people call an open file, from what is known of it already: nothing is looked at here. Pure.
 *
 * Sources: proc_pid_fd(5), proc_pid_fdinfo(5), pts(4), pipe(7).
 */
import type { FoundSocket } from '../netlink/sockets.ts';
import { type Fdinfo, O_PATH } from '../procfs/fdinfo.ts';
import type { FileKind } from '../procfs/kind.ts';
import { DELETED, isSocketLink, withoutDeleted } from '../procfs/link.ts';
import { anonymousName } from './names/anonymous.ts';
import { socketName } from './names/socket.ts';

/** What is known of an open file. The more is left out, the less its name says, down to null. */
export interface Known {
  kind: FileKind;
  /** The text of /proc/PID/fd/FD. */
  link: string | null;
  /** Its fdinfo. That of an epoll instance, an inotify or a fanotify says nothing here, and is not to be read for this. */
  info?: Pick<Fdinfo, 'flags' | 'text'> | undefined;
  /** How many names its file has: 0 proves that one whose link says so is deleted. */
  nlink?: number | undefined;
  /** Of a socket: what the kernel's tables say. */
  socket?: FoundSocket | undefined;
}

const DIRECTIONS = ['read end of', 'write end of', 'both ends of'] as const;

/** Who may both read and write is the other end as well. */
function pipeName(link: string, flags: number | undefined): string {
  const direction = flags === undefined || (flags & O_PATH) !== 0 ? undefined : DIRECTIONS[flags & 3];
  return direction === undefined ? link : `${direction} ${link}`;
}

const MASTER = /^(.*?)\/(?:pts\/)?ptmx$/;
const SLAVE = /\/pts\/\d+(?: \(deleted\))?$/;

function terminalName(link: string, text: string): string {
  const index = /^tty-index:\s*(\d+)$/m.exec(text)?.[1];
  const folder = MASTER.exec(link)?.[1];
  if (folder !== undefined) return index === undefined ? link : `master of ${folder}/pts/${index}`;
  return SLAVE.test(link) ? `slave ${link}` : link;
}

/** A file may be called `x (deleted)`, so that only its having no name left proves it. */
const fileName = (kind: FileKind, link: string, nlink: number | undefined): string =>
  nlink === 0 && link.endsWith(DELETED)
    ? `deleted ${kind === 'regular' ? 'file' : kind} ${withoutDeleted(link)}`
    : link;

const NAMESPACE = /^(\w+):\[(\d+)\]$/;

/**
 * `tcp 127.0.0.1:80 listening`, `master of /dev/pts/3`, `read end of pipe:[4711]`, `eventfd, count 1`, `pidfd of 4711`,
 * `deleted file /tmp/x`: a path is itself. Null where nothing better is known than the kind.
 */
export function nameOf({ kind, link, info, nlink, socket }: Known): string | null {
  if (isSocketLink(link)) return socket === undefined ? null : socketName(socket);
  if (link === null) return null;
  const text = info?.text ?? '';
  switch (kind) {
    case 'pipe':
      return pipeName(link, info?.flags);
    case 'fifo':
      return pipeName(fileName(kind, link, nlink), info?.flags);
    case 'tty':
      return terminalName(link, text);
    case 'memfd':
      return withoutDeleted(link).slice(1);
    case 'message queue':
      return `message queue /${link.slice(link.lastIndexOf('/') + 1)}`;
    case 'namespace':
      // That of a mount which was taken away.
      return link === '/' ? 'namespace that was mounted' : link.replace(NAMESPACE, '$1 namespace $2');
    case 'character device': {
      const iff = link === '/dev/net/tun' ? /^iff:\s*(\S+)$/m.exec(text)?.[1] : undefined;
      return iff === undefined ? link : `${link}, interface ${iff}`;
    }
    case 'unknown':
      return link.startsWith('/') ? link : null;
    default:
      return anonymousName(kind, link, text) ?? fileName(kind, link, nlink);
  }
}
