/**
 * Sorting, grouping and searching by a three-way comparator over small whole numbers
 * (indexes into a caller's arrays). Pure: knows nothing of kernels or descriptors.
 */

/** Negative, zero or positive, as for `Array.prototype.sort`; both arguments are items. */
export type Compare = (a: number, b: number) => number;

/** Groups of equal items: one leader each, in ascending order, and the other members chained behind it. */
export interface Groups {
  /** The leaders, ascending. */
  leaders: Int32Array;
  /** By item: the next member of its group, or -1. */
  next: Int32Array;
}

/**
 * Sorts items and gathers equal ones, by a merge sort that merges groups rather than items:
 * n items of d groups cost about n · log2 d comparisons, and one that stands alone none.
 *
 * @param items - distinct whole numbers below `capacity`
 * @param next - a chain per item, as long as the largest item plus one; shared between calls over disjoint items
 */
export function groupBy(items: Int32Array, compare: Compare, next: Int32Array): Groups {
  const n = items.length;
  let from = items.slice();
  let to = new Int32Array(n);
  // Lengths of the sorted runs, which shrink as equal items meet.
  let runs = new Int32Array(n).fill(1);
  let count = n;
  for (let i = 0; i < n; i++) next[items[i] as number] = -1;
  while (count > 1) {
    const merged = new Int32Array((count + 1) >> 1);
    let read = 0;
    let write = 0;
    for (let r = 0; r < count; r += 2) {
      const middle = read + (runs[r] as number);
      const end = r + 1 < count ? middle + (runs[r + 1] as number) : middle;
      const start = write;
      let left = read;
      let right = middle;
      while (left < middle && right < end) {
        const a = from[left] as number;
        const b = from[right] as number;
        const order = compare(a, b);
        if (order < 0) {
          to[write++] = a;
          left++;
        } else if (order > 0) {
          to[write++] = b;
          right++;
        } else {
          join(next, a, b);
          right++;
        }
      }
      while (left < middle) to[write++] = from[left++] as number;
      while (right < end) to[write++] = from[right++] as number;
      merged[r >> 1] = write - start;
      read = end;
    }
    [from, to] = [to, from];
    runs = merged;
    count = (count + 1) >> 1;
  }
  return { leaders: from.subarray(0, n === 0 ? 0 : (runs[0] as number)), next };
}

/** A group's items, its leader first; none for a leader below 0. */
export function membersOf({ next }: Pick<Groups, 'next'>, leader: number): number[] {
  const members: number[] = [];
  for (let item = leader; item >= 0; item = next[item] as number) members.push(item);
  return members;
}

/** Hangs the chain of `b` behind the leader `a`, where order within a group does not matter. */
export function join(next: Int32Array, a: number, b: number): void {
  let tail = b;
  while ((next[tail] as number) !== -1) tail = next[tail] as number;
  next[tail] = next[a] as number;
  next[a] = b;
}

/**
 * Searches a sorted array.
 * @param probe - compares an item with what is sought: negative when the item stands before it
 * @returns the position of an equal item, or -1 − the position where it would stand
 */
export function search(sorted: ArrayLike<number>, probe: (item: number) => number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = probe(sorted[middle] as number);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return -1 - low;
}
