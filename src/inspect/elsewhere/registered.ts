/**
 * Which files are registered with an io_uring instance, as its fdinfo says: by the texts of their links on new kernels, by the
 * last part of their names on older ones, and not at all while it is busy; and what requests wait there. Pure.
 *
 * Source: io_uring_show_fdinfo() of io_uring/fdinfo.c.
 */
import { DELETED, isSocketLink } from '../../procfs/link.ts';

/** `sure`: it is registered; `possible`: it may be. */
export type Registered = 'sure' | 'possible' | 'no';

const COUNT = /^UserFiles:[ \t]*(\d+)$/m;
const SLOT = /^ *\d+:(?: (.*))?$/;
/** Requests that wait for a file, which is not told. */
const WAITING = /^PollList:\n +op=/m;
const POLLS = /^PollList:$/m;
/** IORING_OP_ACCEPT of <linux/io_uring.h>. */
const ACCEPTING = /^ +op=13,/m;
/** The kernel cuts short names off there. */
const SHORT_NAME = 39;

/** A busy instance tells nothing of its files. */
export const tellsFiles = (text: string): boolean => COUNT.test(text);

/** As the kernel prints a path in a line: blanks and backslashes by their octal numbers. */
const escaped = (link: string): string =>
  link.replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);

const isWhole = (text: string): boolean => /^\/|^[\w-]+:\[|^anon_inode:/.test(text);

/** Whether one line's text may be a file, or surely is, by what the links of its descriptors read. */
function compareLink(text: string, link: string): Registered {
  // Only a socket's inode has one description.
  if (isWhole(text)) return text === escaped(link) ? (isSocketLink(link) ? 'sure' : 'possible') : 'no';
  if (!link.startsWith('/')) return 'possible';
  const name = link.slice(link.lastIndexOf('/') + 1);
  const isName = text === name || text + DELETED === name || (text.length >= SHORT_NAME && name.startsWith(text));
  return isName ? 'possible' : 'no';
}

const NUMBERED = /^(\w+):\[(\d+)\]$/;

/** The same of a file of which nothing but its inode is known. */
function compareInode(text: string, ino: bigint): Registered {
  const [, kind, number] = NUMBERED.exec(text) ?? [];
  if (number === undefined) return 'possible';
  return number === String(ino) ? (kind === 'socket' ? 'sure' : 'possible') : 'no';
}

/**
 * Whether a file is registered.
 * @param text - the fdinfo of an io_uring instance
 * @param file - what the links of the file's descriptors read, or where there are none its inode
 */
export function registeredWith(text: string, file: string | bigint): Registered {
  const count = COUNT.exec(text);
  if (count === null) return 'no';
  const lines = text.slice(count.index + count[0].length + 1).split('\n');
  let found: Registered = 'no';
  let slots = 0;
  for (const line of lines) {
    const slot = SLOT.exec(line);
    if (slot === null) break;
    slots++;
    const told = slot[1] ?? '';
    if (told === '<none>') continue;
    const registered = typeof file === 'string' ? compareLink(told, file) : compareInode(told, file);
    if (registered === 'sure') return registered;
    if (registered === 'possible') found = registered;
  }
  // Some kernels say how many there are and list none of them.
  return slots === 0 && Number(count[1]) > 0 ? 'possible' : found;
}

/** The same of a file that somebody has, and no descriptor: a request that waits for it keeps it too. */
export function keptBy(text: string, file: string | bigint): Registered {
  const registered = registeredWith(text, file);
  return registered === 'no' && WAITING.test(text) ? 'possible' : registered;
}

/** Whether a request that waits may take a connection, which a busy instance does not tell. */
export const mayAccept = (text: string): boolean => !POLLS.test(text) || ACCEPTING.test(text);
