/** How wide a terminal draws a text, by Node's own measure, which knows wide characters and those without width. */

/** What each takes one column, which no measure is needed for. */
const PLAIN = /^[\x20-\x7e]*$/;

/** A line that is never edited: where its cursor would be is how wide its prompt is. */
type Measure = { setPrompt(text: string): void; getCursorPos?(): { cols: number } };
let measure: Measure | undefined;

/** Loaded for the first text that is not plain only. */
function createMeasure(): Measure {
  const { createInterface } = process.getBuiltinModule('node:readline');
  const { PassThrough } = process.getBuiltinModule('node:stream');
  return createInterface({ input: new PassThrough(), terminal: false });
}

/** Columns of a text without anything that a terminal obeys. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  measure ??= createMeasure();
  measure.setPrompt(text);
  // Other runtimes may have none.
  return measure.getCursorPos?.().cols ?? text.length;
}

const ELLIPSIS = '…';

/**
 * A text that is too wide, without its middle.
 * @param columns - so wide it may be, 1 at least
 * @param shown - what is printed for it
 */
export function shortened(text: string, columns: number, shown: (text: string) => string): string {
  if (widthOf(shown(text)) <= columns) return text;
  const characters = [...text];
  let [head, tail] = ['', ''];
  // What tells names apart is at their end mostly.
  for (let [first, last] = [0, characters.length - 1]; first < last; ) {
    const takesTail = tail.length <= head.length;
    const next: [string, string] = takesTail
      ? [head, `${characters[last--]}${tail}`]
      : [`${head}${characters[first++]}`, tail];
    if (widthOf(shown(`${next[0]}${ELLIPSIS}${next[1]}`)) > columns) break;
    [head, tail] = next;
  }
  return `${head}${ELLIPSIS}${tail}`;
}

/** The lines of a text that is too wide, broken between words; a word alone may be too wide. One at least. */
export function wrapped(text: string, columns: number, shown: (text: string) => string): string[] {
  const lines: string[] = [];
  let line: string | undefined;
  for (const word of text.split(' ')) {
    const longer = line === undefined ? word : `${line} ${word}`;
    if (line === undefined || widthOf(shown(longer)) <= columns) line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line ?? ''];
}
