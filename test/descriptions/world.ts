/** A simulated kernel, seeded: still items have one file for good; movers change theirs, or close, between comparisons. */
import { Random } from '../support/random.ts';

export interface Kind {
  still: number;
  movers: number;
  files: number;
  /** Of so many of these the still items are; of all when left out. */
  stillFiles?: number;
  /** How many changes a comparison sees, on average. */
  rate: number;
}

const CLOSED = -1;
const EBADF = 9;

export class World {
  /** In an order of their own; the first `still` numbers are those that hold still. */
  readonly items: Int32Array;
  /** By item: its file today. */
  readonly files: number[];
  readonly #kind: Kind;
  readonly #random: Random;
  /** By file: its place in the kernel's order. */
  readonly #places: number[];

  constructor(seed: number, kind: Kind) {
    this.#kind = kind;
    this.#random = new Random(seed);
    const count = kind.still + kind.movers;
    this.files = Array.from({ length: count }, (_, i) =>
      this.#random.below(i < kind.still ? (kind.stillFiles ?? kind.files) : kind.files),
    );
    this.#places = this.#shuffled(kind.files);
    this.items = Int32Array.from(this.#shuffled(count));
  }

  /** As kcmp(2) answers, after whatever moves has moved. */
  readonly ask = (a: number, b: number): number => {
    this.#move();
    const [one, other] = [this.files[a] as number, this.files[b] as number];
    if (one === CLOSED || other === CLOSED) return -EBADF;
    if (one === other) return 0;
    return (this.#places[one] as number) < (this.#places[other] as number) ? 1 : 2;
  };

  #move(): void {
    const { still, movers, files, rate } = this.#kind;
    if (movers === 0) return;
    for (let left = rate; left > 0; left--) {
      if (this.#random.below(1000) >= left * 1000) continue;
      this.files[still + this.#random.below(movers)] = this.#random.below(6) === 0 ? CLOSED : this.#random.below(files);
    }
  }

  #shuffled(count: number): number[] {
    const all = Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = this.#random.below(i + 1);
      [all[i], all[j]] = [all[j] as number, all[i] as number];
    }
    return all;
  }
}

export interface Verdict {
  /** Still items of one file in two groups, and of two files in one. */
  split: number;
  merged: number;
  /** Still items that are in no group. */
  lost: number[];
}

/** What groups say of what held still. */
export function judge(world: World, still: number, groups: readonly number[][]): Verdict {
  const groupOf = new Map(groups.flatMap((group, i) => group.map((item) => [item, i] as const)));
  const pairs = new Set<string>();
  const lost: number[] = [];
  for (let item = 0; item < still; item++) {
    const group = groupOf.get(item);
    if (group === undefined) lost.push(item);
    else pairs.add(`${world.files[item]} ${group}`);
  }
  const count = (part: 0 | 1): number => pairs.size - new Set([...pairs].map((pair) => pair.split(' ')[part])).size;
  return { split: count(0), merged: count(1), lost };
}
