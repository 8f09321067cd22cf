/**
 * The help texts: help/*.txt, at most 80 columns, one example a command. They are data, and published in
 * the folder where they are; a module of text would take longer to load than all the rest of `kcmp --help`.
 */
const { readFileSync } = process.getBuiltinModule('node:fs');

/** The help of a command; of all for ''. */
export const helpFor = (command: string): string =>
  readFileSync(new URL(`../../src/cli/help/${command === '' ? 'kcmp' : command}.txt`, import.meta.url), 'utf8');
