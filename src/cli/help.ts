/**
 * The help texts: help/*.txt, at most 80 columns, one example a command. They are data, and published in
 * the folder where they are; a module of text would take longer to load than all the rest of `kcmp --help`.
 */
const { readFileSync } = process.getBuiltinModule('node:fs');

/** The help of a command; of all for ''. */
export const helpFor = (command: string): string =>
  readFileSync(new URL(`../../src/cli/help/${command === '' ? 'kcmp' : command}.txt`, import.meta.url), 'utf8');

/** In short: how it is called, its commands and options; the rest is reasons and examples. */
export function shortHelpFor(command: string): string {
  const paragraphs = helpFor(command).trimEnd().split('\n\n');
  const shown = paragraphs.filter((text, i) => i === 0 || /^(?:Commands|Options|Example)|^ {2}-/m.test(text));
  return `${shown.join('\n\n')}\n\nMore: kcmp ${command === '' ? '' : `${command} `}--help\n`;
}
