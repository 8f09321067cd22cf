/** What somebody may have meant who mistyped a word. Pure. */

/** How many letters are missing, surplus, wrong or swapped with their neighbour. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Infinity;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const isSwapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(
          at(i - 1, j) + 1,
          at(i, j - 1) + 1,
          at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1),
          isSwapped ? at(i - 2, j - 2) + 1 : Infinity,
        ),
      );
    }
  }
  return at(a.length, b.length);
}

const MOST = 2;

/** The word that comes closest: one that begins so, or differs in a letter or two, but not in half of them. */
export function nearest(typed: string, words: readonly string[]): string | undefined {
  const begun = words.filter((word) => typed.length > 1 && word.startsWith(typed));
  if (begun.length === 1) return begun[0];
  const ranked = words
    .map((word) => ({ word, far: distance(typed.toLowerCase(), word) }))
    .filter(({ word, far }) => far <= MOST && far * 2 < Math.max(word.length, typed.length))
    .sort((a, b) => a.far - b.far);
  return ranked[0]?.word;
}
