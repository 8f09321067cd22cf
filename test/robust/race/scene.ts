/**
 * One scene of a mover: what it printed (see describe() in mover.c), and what each of its descriptors may have been
 * since a moment, by the cells in shared memory.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ftruncateSync } from 'node:fs';
import { createInterface } from 'node:readline';
import '../../support/leash.ts';
import { mapShared, memfd } from '../../support/libc.ts';
import type { FileRef } from '../../../src/index.ts';

export interface Ask extends FileRef {
  question: 'holders' | 'groups' | 'process' | 'epoll' | 'inherited' | 'identify' | 'link';
  other: number;
  /** What is asked about moves itself. */
  moves: boolean;
}
/** A description. Those of one inode are of one class; 0 where inodes say nothing. */
export interface File {
  kind: string;
  class: number;
  link: string;
}
export interface Item {
  data: number;
  tfd: number;
  file: number;
  cell: number;
}

/** A set of files by their numbers, as bits; bit 0 is "closed". */
export type Mask = number;
export const NONE: Mask = 1;
export const filesOf = (mask: Mask): number[] => [1, 2, 3, 4, 5, 6, 7].filter((file) => (mask >> file) & 1);

export const keyOf = ({ pid, fd }: FileRef): string => `${pid}:${fd}`;
const FILES = 8;
const HEAD = 4; // struct shared: stage, moves, request, twin
const CELL = 2 + FILES; // struct cell: next, now, said[]
const BYTES = 4096;

/** What a mover and its reader share. It has no name, so that nothing is left of it. */
export interface Memory {
  fd: number;
  shared: Uint32Array;
}
export function shareMemory(): Memory {
  const fd = memfd('kcmp-race');
  ftruncateSync(fd, BYTES);
  return { fd, shared: mapShared(fd, BYTES) };
}

export class Scene {
  readonly files: Map<number, File> = new Map();
  readonly still: Map<string, number> = new Map();
  /** By descriptor, and by what is no descriptor: the cell. */
  readonly cells: Map<string, number> = new Map();
  /** What the processes that the mover starts hold all their lives, by fd. */
  readonly born: Map<number, number> = new Map();
  /** By instance. */
  readonly items: Map<number, Item[]> = new Map();
  /** Files that the mover holds at every moment, under one number or another. */
  readonly roam: number[] = [];
  readonly asks: Ask[] = [];
  /** The cell that tells whether the mover may be looked at. */
  access = -1;
  /** kcmp(2) is refused to whoever asks: one epoll instance cannot be told from another. */
  blind = false;
  keeper = 0;
  /** 0: many processes, one after another. */
  mover = 0;
  /** A second mover; 0: there is none. */
  twin = 0;
  readonly #shared: Uint32Array;
  #stop: () => Promise<void> = async () => {};

  private constructor(shared: Uint32Array) {
    this.#shared = shared;
  }

  /** @param turns - where to read when to move, for a mover that is asked to */
  static async start(program: string, args: string[], { fd, shared }: Memory, turns?: number): Promise<Scene> {
    shared.fill(0);
    const scene = new Scene(shared);
    const mover = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit', fd, turns ?? 'ignore'] });
    const ended = once(mover, 'exit');
    scene.#stop = async () => {
      mover.stdin?.end();
      const [code] = await ended;
      if (code !== 0) throw new Error(`the mover ${args.join(' ')} ended with ${code}`);
    };
    for await (const line of createInterface(mover.stdout as NodeJS.ReadableStream)) {
      if (line !== 'go') scene.#read(line.split(' '));
      else return scene;
    }
    throw new Error(`the mover ${args.join(' ')} ended with ${(await ended)[0]}`);
  }

  /** How many moves there were. */
  get moves(): number {
    return Atomics.load(this.#shared, 1);
  }

  stop(): Promise<void> {
    return this.#stop();
  }

  /** From now on every state of every cell is remembered; to be asked later what one may have been. */
  watch(): (cell: number) => Mask {
    const shared = this.#shared;
    const load = (cell: number, at: number): number => Atomics.load(shared, HEAD + CELL * cell + at);
    // In this order: what was announced before is in `next` or has arrived, and the rest is counted.
    const said = Uint32Array.from({ length: (BYTES / 4 - HEAD) | 0 }, (_, i) => Atomics.load(shared, HEAD + i));
    const count = Math.max(this.access, ...this.cells.values()) + 1;
    const first = Array.from({ length: count }, (_, cell) => (1 << load(cell, 0)) | (1 << load(cell, 1)));
    return (cell) => {
      let mask = first[cell] as Mask;
      for (let state = 0; state < FILES; state++)
        if (load(cell, 2 + state) !== said[CELL * cell + 2 + state]) mask |= 1 << state;
      return mask;
    };
  }

  #read([what, ...words]: string[]): void {
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = words.map(Number);
    if (what === 'file') this.files.set(a, { class: b, kind: words.slice(2).join(' '), link: '' });
    else if (what === 'link') (this.files.get(a) as File).link = words.slice(1).join(' ');
    else if (what === 'pids') [this.keeper, this.mover, this.twin] = [a, b, c];
    else if (what === 'still') this.still.set(keyOf({ pid: a, fd: b }), c);
    else if (what === 'born') this.born.set(a, b);
    else if (what === 'cell') this.cells.set(keyOf({ pid: b, fd: c }), a);
    else if (what === 'access') this.access = a;
    else if (what === 'roam') this.roam.push(a);
    else if (what === 'item') this.items.set(a, [...(this.items.get(a) ?? []), { data: b, tfd: c, file: d, cell: e }]);
    else if (what === 'ask')
      this.asks.push({ question: words[0] as Ask['question'], pid: b, fd: c, other: d, moves: e === 1 });
    else throw new Error(`a line that nobody knows: ${what} ${words.join(' ')}`);
  }
}
