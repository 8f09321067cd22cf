/** Internet addresses as text and as numbers: words of 32 bits, in network order. Pure. Sources: RFC 4291, RFC 5952. */

const MAPPED = 0xffff;
const GROUPS = 8;

/** IPv4 addresses are mapped into IPv6. */
export type AddressWords = readonly [number, number, number, number];

export const isV4 = ([a, b, c]: AddressWords): boolean => a === 0 && b === 0 && c === MAPPED;

/** `127.0.0.1` */
export const v4Text = (word: number): string =>
  `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;

/** `::1`, as RFC 5952 writes it; an IPv4 address that is mapped into IPv6 reads like any other IPv4 address. */
export function v6Text(a: number, b: number, c: number, d: number): string {
  if (a === 0 && b === 0) {
    if (c === MAPPED) return v4Text(d);
    if (c === 0 && d < 2) return d === 0 ? '::' : '::1';
  }
  const groups = [a >>> 16, a & MAPPED, b >>> 16, b & MAPPED, c >>> 16, c & MAPPED, d >>> 16, d & MAPPED];
  let start = GROUPS;
  let length = 1; // a single zero is written out
  for (let from = 0; from < GROUPS; from++) {
    let to = from;
    while (groups[to] === 0) to++;
    if (to - from > length) [start, length] = [from, to - from];
    from = to;
  }
  const hex = groups.map((group) => group.toString(16));
  return start === GROUPS ? hex.join(':') : `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

// A leading zero would be octal to some.
const V4 = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;

function v4Word(text: string): number | undefined {
  const bytes = V4.exec(text)?.slice(1).map(Number);
  if (bytes === undefined || bytes.some((byte) => byte > 255)) return undefined;
  return bytes.reduce((word, byte) => ((word << 8) | byte) >>> 0, 0);
}

/** The groups on one side of `::`; an IPv4 address may stand for the last two of all. */
function groupsOf(text: string, side: number, sides: string[]): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const word = side === sides.length - 1 ? v4Word(parts.at(-1) as string) : undefined;
  if (word !== undefined) parts.splice(-1, 1, (word >>> 16).toString(16), (word & MAPPED).toString(16));
  return parts.every((part) => /^[0-9a-f]{1,4}$/i.test(part))
    ? parts.map((part) => Number.parseInt(part, 16))
    : undefined;
}

/** The words of an address; undefined for what is none. A zone (`%lo`) is not taken. */
export function addressWords(text: string): AddressWords | undefined {
  const v4 = v4Word(text);
  if (v4 !== undefined) return [0, 0, MAPPED, v4];
  const sides = text.split('::').map(groupsOf);
  const [head, tail] = sides;
  if (head === undefined || sides.length > 2 || (sides.length === 2 && tail === undefined)) return undefined;
  const missing = GROUPS - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = tail === undefined ? head : [...head, ...new Array<number>(missing).fill(0), ...tail];
  const word = (at: number): number => (((groups[at] as number) << 16) | (groups[at + 1] as number)) >>> 0;
  return [word(0), word(2), word(4), word(6)];
}
