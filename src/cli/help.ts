/**
 * The help texts, help/*.txt, at most 80 columns, one example a command, and the scripts of completion. They are data, and
 * published where they are; a module of text would take longer to load than all the rest of `kcmp --help`. Built, this
 * file is as deep in dist as it is in src.
 */
const { readFileSync } = process.getBuiltinModule('node:fs');

const read = (path: string): string => readFileSync(new URL(`../../src/cli/${path}`, import.meta.url), 'utf8');

/** The help of a command; of all for ''. */
export const helpFor = (command: string): string => read(`help/${command === '' ? 'kcmp' : command}.txt`);

/** The script that completes command lines in a shell. */
export const completionFor = (shell: string): string => read(`completion/kcmp.${shell}`);

/** In short: how it is called, its commands and options; the rest is reasons and examples. */
export function shortHelpFor(command: string): string {
  const paragraphs = helpFor(command).trimEnd().split('\n\n');
  const shown = paragraphs.filter((text, i) => i === 0 || /^(?:Commands|Options|Example)|^ {2}-/m.test(text));
  return `${shown.join('\n\n')}\n\nMore: kcmp ${command === '' ? '' : `${command} `}--help\n`;
}
