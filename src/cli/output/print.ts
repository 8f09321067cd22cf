/** The output for people: lines, tables and sentences, cleaned of whatever a terminal would obey, and coloured where it matters. */
import { clean } from '../../util/text.ts';
import type { Io } from '../io.ts';

/** What matters most: the answer, what is stale, trouble. As SGR of ECMA-48: bold, yellow, red. */
const STYLES = { answer: '1', stale: '33', trouble: '31' } as const;

/** A line, and as what it stands out. */
export type Line = string | { line: string; as: keyof typeof STYLES };

const painted = (text: string, style: keyof typeof STYLES): string => `\x1b[${STYLES[style]}m${text}\x1b[0m`;

/** Every line is cleaned here, so that no command can forget it. */
export function print(io: Io, lines: readonly Line[]): void {
  const paints = lines.some((line) => typeof line !== 'string') && io.paints?.('out') === true;
  const texts = lines.map((line) => {
    if (typeof line === 'string') return clean(line);
    return paints ? painted(clean(line.line), line.as) : clean(line.line);
  });
  printAsWritten(io, texts);
}

/** Lines of a language that has escapes of its own, in which whoever wrote them has made all visible. */
export const printAsWritten = (io: Io, lines: readonly string[]): void =>
  io.out(lines.map((line) => `${line}\n`).join(''));

/** Lines of which the first is the answer. */
export function printAnswer(io: Io, [answer = '', ...rest]: readonly Line[]): void {
  print(io, [typeof answer === 'string' ? { line: answer, as: 'answer' } : answer, ...rest]);
}

/** Messages, one a line. */
export function tell(io: Io, message: string): void {
  const prefix = 'kcmp:';
  io.err(`${io.paints?.('err') === true ? painted(prefix, 'trouble') : prefix} ${clean(message)}\n`);
}

/** `EBADF: bad file descriptor, kcmp: fd 7 of pid 8 is not open` without what says no more than the rest. */
export const withoutCall = (message: string): string => message.replace(/^([A-Z\d]+): [^:]*, kcmp: /, '$1: ');
