/** Text for people: sentences, names cleaned of whatever a terminal would obey. Pure. */

/**
 * What a terminal obeys, and what nobody sees, which reorders or hides what stands beside it: controls, ends of lines, all
 * that Unicode lets a font leave out (bidirectional controls, joiners, fillers, variation selectors, tags), and marks of
 * interlinear notes.
 */
export const UNSEEN: RegExp = /[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/gu;

/** The same, and what an escape begins with. */
const HIDDEN = new RegExp(`${UNSEEN.source}|\\\\`, 'gu');

const SHORT: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(character: string): string {
  const code = (character.codePointAt(0) as number).toString(16);
  if (code.length > 4) return `\\u{${code}}`;
  return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
}

/** Names come from processes and files, and may hold anything; a backslash too, so that no two of them are told alike. */
export const clean = (text: string): string => text.replace(HIDDEN, (c) => SHORT[c] ?? escaped(c));

/** The same for a language that has an escape of its own for a backslash. */
export const visible = (text: string): string => text.replace(UNSEEN, (c) => SHORT[c] ?? escaped(c));

export const plural = (count: number, one: string, many: string = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** `1 byte`, `512 bytes`, `1.5 KiB`, `64 MiB` */
export function bytes(count: number): string {
  const unit = count < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(count) / 10));
  return unit === 0 ? plural(count, 'byte') : `${Number((count / 1024 ** unit).toFixed(1))} ${UNITS[unit]}`;
}

/** `a`, `a and b`, `a, b and c`. */
export const list = (items: string[], word = 'and'): string =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} ${word} ${items.at(-1)}`;

/** The first few, and how many more. */
export const some = (items: string[], limit: number): string =>
  items.length <= limit ? items.join(', ') : `${items.slice(0, limit).join(', ')} and ${items.length - limit} more`;

export const ref = ({ pid, fd }: { pid: number; fd: number }): string => `${pid}:${fd}`;

/** A kind and a link of /proc, without saying `socket socket:[7]`, or `eventfd anon_inode:[eventfd]`. */
export function describeFile(kind: string, link: string | null): string {
  if (link === null || link === `anon_inode:[${kind}]`) return kind;
  return link.startsWith(`${kind}:`) ? link : `${kind} ${link}`;
}
