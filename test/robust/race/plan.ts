/** What is run: every move with every kind it makes sense with, at every period, by the caller it is meant for. */
import { Random } from '../../support/random.ts';
import type { DoorName } from './questions.ts';

/** Whoever asks: root, an ordinary user, or one to whom a filter refuses kcmp(2). */
export type CallerName = 'plain' | 'nobody' | 'refused';

export interface Plan {
  move: string;
  kind: string;
  periodUs: number;
  seed: number;
  caller: CallerName;
  doors: DoorName[];
  /** Of each question, through each door. */
  calls: number;
  /** Milliseconds after which it is enough. */
  ms: number;
}

export const PERIODS: readonly number[] = [5000, 1000, 150, 50, 0];

/** Kinds by move, and how many questions a scene has to ask. */
const MOVES: ReadonlyArray<{ move: string; caller: CallerName; kinds: Record<string, number> }> = [
  {
    move: 'flip',
    caller: 'plain',
    kinds: { pipe: 8, pipes: 8, file: 6, files: 6, eventfd: 7, tty: 7, timerfd: 7, memfd: 6, null: 6, socket: 8 },
  },
  { move: 'lone', caller: 'plain', kinds: { pipes: 8, files: 6, socket: 8, eventfd: 7 } },
  { move: 'renumber', caller: 'plain', kinds: { eventfd: 6, pipe: 7, file: 5 } },
  { move: 'swap', caller: 'plain', kinds: { pipe: 7 } },
  { move: 'chain', caller: 'plain', kinds: { pipe: 4, file: 3 } },
  { move: 'pass', caller: 'plain', kinds: { pipe: 3, eventfd: 3 } },
  { move: 'reuse', caller: 'plain', kinds: { dup2: 4, close: 4 } },
  { move: 'aba', caller: 'plain', kinds: { eventfd: 2 } },
  { move: 'exec', caller: 'plain', kinds: { pipe: 6 } },
  { move: 'dumpable', caller: 'nobody', kinds: { pipe: 5 } },
  { move: 'flip', caller: 'refused', kinds: { socket: 8 } },
  { move: 'opath', caller: 'refused', kinds: { socket: 4 } },
];

export interface Wanted {
  /** In total, at least. */
  calls: number;
  /** Of each plan, at most. */
  ms: number;
  seed: number;
  doors: DoorName[];
  move?: string | undefined;
  periodUs?: number | undefined;
}

export function plansFor({ calls, ms, seed, doors, move: only, periodUs: at }: Wanted): Plan[] {
  const random = new Random(seed);
  const scenes = MOVES.flatMap(({ move, caller, kinds }) =>
    Object.entries(kinds).flatMap(([kind, questions]) =>
      PERIODS.map((periodUs) => ({ move, kind, caller, periodUs, questions, seed: random.next() })),
    ),
  ).filter(({ move, periodUs }) => move === (only ?? move) && periodUs === (at ?? periodUs));
  const questions = scenes.reduce((sum, scene) => sum + scene.questions, 0) * doors.length;
  return scenes.map(({ questions: _, ...scene }) => ({ ...scene, doors, ms, calls: Math.ceil(calls / questions) }));
}
