/**
 * Which files are registered with an io_uring instance, as its fdinfo says: by the texts of their links on new kernels, by the
 * last part of their names on older ones, and not at all while it is busy. Pure.
 *
 * Source: io_uring_show_fdinfo() of io_uring/fdinfo.c.
 */
import { isSocketLink } from '../../procfs/link.ts';

/** `sure`: it is registered; `possible`: it may be; `busy`: that was not told. */
export type Registered = 'sure' | 'possible' | 'no' | 'busy';

const COUNT = /^UserFiles:[ \t]*(\d+)$/m;
const SLOT = /^ *\d+:(?: (.*))?$/;
/** The kernel cuts short names off there. */
const SHORT_NAME = 39;

/** As the kernel prints a path in a line: blanks and backslashes by their octal numbers. */
const escaped = (link: string): string =>
  link.replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);

const isWhole = (text: string): boolean => /^\/|^[\w-]+:\[|^anon_inode:/.test(text);

/** Whether one line's text may be the file, or surely is. */
function compare(text: string, link: string): Registered {
  if (text === '<none>') return 'no';
  // Only a socket's inode has one description.
  if (isWhole(text)) return text === escaped(link) ? (isSocketLink(link) ? 'sure' : 'possible') : 'no';
  if (!link.startsWith('/')) return 'possible';
  const name = link.slice(link.lastIndexOf('/') + 1);
  const isName = text === name || `${text} (deleted)` === name || (text.length >= SHORT_NAME && name.startsWith(text));
  return isName ? 'possible' : 'no';
}

/**
 * Whether a file is registered.
 * @param text - the fdinfo of an io_uring instance
 * @param link - what the links of the file's descriptors read
 */
export function registeredWith(text: string, link: string): Registered {
  const count = COUNT.exec(text);
  if (count === null) return 'busy';
  const lines = text.slice(count.index + count[0].length + 1).split('\n');
  let found: Registered = 'no';
  let slots = 0;
  for (const line of lines) {
    const slot = SLOT.exec(line);
    if (slot === null) break;
    slots++;
    const told = compare(slot[1] ?? '', link);
    if (told === 'sure') return told;
    if (told === 'possible') found = told;
  }
  // Some kernels say how many there are and list none of them.
  return slots === 0 && Number(count[1]) > 0 ? 'possible' : found;
}
