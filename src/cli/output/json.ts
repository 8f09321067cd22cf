/** The output for scripts: one document, the library's report. */
import type { Io } from '../io.ts';

/** What a terminal or a reader could take for something else, though JSON allows it in a string. */
const UNSAFE = /[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

function replace(key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  // A target's data is a pointer as often as a number.
  return key === 'data' ? `0x${value.toString(16)}` : value.toString();
}

/** Text of a report: bigints as decimal strings, `data` as a hexadecimal one. */
export const toJson = (report: unknown): string =>
  JSON.stringify(report, replace, 2).replace(UNSAFE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

export function printJson(io: Io, report: unknown): void {
  io.out(`${toJson(report)}\n`);
}
