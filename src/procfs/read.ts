/** What all readers of /proc have in common: a failure is an ordinary answer, told by its errno's name. */

let loaded: typeof import('node:fs') | undefined;

/** node:fs, loaded by its first use: importing it loads Node's streams, which takes longer than all of this package. */
export const fs = (): typeof import('node:fs') => (loaded ??= process.getBuiltinModule('node:fs'));

/** The errno's name, such as 'ENOENT'; what is no system error is a defect and goes on. */
export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  if (typeof code !== 'string') throw error;
  return code;
}

/** A file's text, one character a byte where `encoding` is latin1. */
export function readText(path: string, encoding: 'utf8' | 'latin1'): { text: string } | string {
  try {
    return { text: fs().readFileSync(path, encoding) };
  } catch (error) {
    return codeOf(error);
  }
}

/** What a link reads; undefined where there is none, or it may not be read. */
export function readLinkText(path: string): string | undefined {
  try {
    return fs().readlinkSync(path);
  } catch (error) {
    codeOf(error);
    return undefined;
  }
}

const NUMBER = /^(?:0|[1-9]\d{0,9})$/;

/** The numbers among a directory's names, ascending. A typed array sorts ten thousand of them without a callback. */
export function listNumbers(path: string): number[] | string {
  try {
    return [
      ...Float64Array.from(
        fs()
          .readdirSync(path)
          .filter((name) => NUMBER.test(name)),
        Number,
      ).sort(),
    ];
  } catch (error) {
    return codeOf(error);
  }
}
