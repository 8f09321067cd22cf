/** What is true of a scene while one call lasts, and what a report may leave out because it says that it could not look. */
import type { Coverage, FileRef } from '../../../src/index.ts';
import { filesOf, keyOf, type Mask, NONE, type Scene } from './scene.ts';

/** "Gone" is no excuse: what holds still is not gone, and what moves is somewhere. */
const COULD_NOT_LOOK: ReadonlySet<string> = new Set(['EAGAIN', 'EPERM', 'EACCES', 'EBUSY']);
export const couldNotLook = ({ code = '' }: { code?: string | undefined }): boolean => COULD_NOT_LOOK.has(code);

export class Look {
  readonly scene: Scene;
  readonly #may: (cell: number) => Mask;
  constructor(scene: Scene, may: (cell: number) => Mask) {
    this.scene = scene;
    this.#may = may;
  }

  cell(cell: number): Mask {
    return this.#may(cell);
  }

  /** What a descriptor may have been during the call; 0 for those that are none of the scene's. */
  may(file: FileRef): Mask {
    const { still, cells, born, mover } = this.scene;
    const key = keyOf(file);
    const known = still.get(key);
    if (known !== undefined) return 1 << known;
    const cell = cells.get(key);
    if (cell !== undefined) return this.#may(cell);
    const stranger = mover === 0 && file.pid !== this.scene.keeper && file.pid !== process.pid;
    // It ends some time, and is gone then.
    return stranger && born.has(file.fd) ? NONE | (1 << (born.get(file.fd) as number)) : 0;
  }

  /** Does it hold this file all through the call? */
  has(file: FileRef, number: number): boolean {
    return this.may(file) === 1 << number;
  }

  /** Every descriptor that held one and the same file all through the call. */
  *definite(): Generator<[file: FileRef, number: number]> {
    for (const key of [...this.scene.still.keys(), ...this.scene.cells.keys()]) {
      const [pid = 0, fd = 0] = key.split(':').map(Number);
      const mask = this.may({ pid, fd });
      if (fd >= 0 && mask !== NONE && (mask & (mask - 1)) === 0) yield [{ pid, fd }, Math.log2(mask)];
    }
  }

  /** May it have been that the mover was not to be looked at? Then that is no failure. */
  get refused(): boolean {
    const { access } = this.scene;
    return access >= 0 && (this.#may(access) & NONE) !== 0;
  }

  describe(mask: Mask): string {
    return (
      [...((mask & NONE) === 0 ? [] : ['closed']), ...filesOf(mask).map((file) => `file ${file}`)].join(' or ') ||
      'none'
    );
  }

  /** The whole truth, for whoever reads about a failure. */
  toString(): string {
    const { files, still, cells, born } = this.scene;
    const lines = [...files].map(([number, { kind, link }]) => {
      const holders = [...still].filter(([, file]) => file === number).map(([key]) => key);
      const strangers = [...born].filter(([, file]) => file === number).map(([fd]) => `*:${fd}`);
      return `file ${number}, ${kind} ${link}: ${[...holders, ...strangers].join(' ')}`;
    });
    return [...lines, ...[...cells].map(([key, cell]) => `${key} was ${this.describe(this.#may(cell))}`)].join('\n  ');
  }
}

/** How many descriptors of each task a report says it could not look at. */
export class Excuses {
  readonly #left = new Map<number, number>();
  readonly #keeper: number;
  /** Whether something could not be looked at that could have been. */
  readonly told: boolean;

  constructor({ skipped }: Coverage, { scene, refused }: Look) {
    this.#keeper = scene.keeper;
    const entries = skipped.filter(couldNotLook);
    for (const { pid, count, unit } of entries)
      this.#left.set(pid, (this.#left.get(pid) ?? 0) + (unit === 'descriptor' ? count : Number.POSITIVE_INFINITY));
    this.told = entries.some(({ pid, code }) => code === 'EAGAIN' || !refused || pid !== scene.mover);
  }

  /** One descriptor of this task is missing: is that told? */
  take(pid: number): boolean {
    const left = this.#left.get(pid);
    if (left === undefined) return false;
    this.#left.set(pid, left - 1);
    return left > 0;
  }

  /** Nobody is named who moves about: is it told that one was not looked at? */
  get ofMover(): boolean {
    return [...this.#left.keys()].some((pid) => pid !== this.#keeper);
  }
}
