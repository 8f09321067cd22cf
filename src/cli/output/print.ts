/** The output for people: lines, tables and sentences, cleaned of whatever a terminal would obey. */
import { clean } from '../../util/text.ts';
import type { Io } from '../io.ts';

/** Every line is cleaned here, so that no command can forget it. */
export function print(io: Io, lines: string[]): void {
  io.out(lines.map((line) => `${clean(line)}\n`).join(''));
}

/** Messages, one a line. */
export function tell(io: Io, message: string): void {
  io.err(`kcmp: ${clean(message)}\n`);
}
