/** The output for scripts: one document, the library's report. */
import { UNSEEN } from '../../util/text.ts';
import type { Io } from '../io.ts';

function replace(key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  // A target's data is a pointer as often as a number.
  return key === 'data' ? `0x${value.toString(16)}` : value.toString();
}

/** As JSON has it: two escapes for what is beyond 16 bits. The ends of lines are JSON's own; it escapes those of strings. */
const escaped = (unseen: string): string =>
  unseen === '\n' ? unseen : unseen.replace(/./gs, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Text of a report: bigints as decimal strings, `data` as a hexadecimal one. JSON allows in a string what nobody sees. */
export const toJson = (report: unknown): string => JSON.stringify(report, replace, 2).replace(UNSEEN, escaped);

export function printJson(io: Io, report: unknown): void {
  io.out(`${toJson(report)}\n`);
}
