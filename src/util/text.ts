/** Text for people: lines of tables, sentences, names cleaned of whatever a terminal would obey. Pure. */

/** C0, DEL and C1; bidirectional and invisible controls, which reorder or hide what stands beside them. */
const CONTROL = /[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Names come from processes and files, and may hold anything. */
export const clean = (text: string): string =>
  text.replace(CONTROL, (c) => {
    const code = c.charCodeAt(0).toString(16);
    return SHORT[c] ?? (code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`);
  });

/**
 * Lines of a table. Columns are as wide as they must be, two spaces apart.
 * @param right - indices of the columns that hold numbers
 */
export function table(head: string[], rows: string[][], right: number[] = []): string[] {
  const cells = [head, ...rows].map((row) => row.map(clean));
  const widths = head.map((_, i) => cells.reduce((width, row) => Math.max(width, row[i]?.length ?? 0), 0));
  const pad = (cell: string, i: number): string =>
    right.includes(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0);
  return cells.map((row) => row.map(pad).join('  ').trimEnd());
}

export const plural = (count: number, one: string, many: string = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

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
