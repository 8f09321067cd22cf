/**
 * Work in steps. A question is a generator that yields after each piece of work: run at once it is an ordinary call,
 * run in slices it lets the event loop turn. Whatever it has open is closed by its own `finally`, however it ends.
 */
import { clock } from '../util/clock.ts';

const { setImmediate, setTimeout } = process.getBuiltinModule('node:timers');

let turns = 0;

/** How often anything but steps ran on this thread since it began to take some: what it may have changed is not known. */
export const countTurns = (): number => turns;

/** Yielded where nothing is to be done for some milliseconds. */
export class Pause {
  readonly ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
}

/** Yields how much of it is done, from 0 to 1, or undefined where that is not known; returns the answer. */
export type Steps<T> = Generator<number | Pause | undefined, T, undefined>;

export type Progress = ((done: number, total: number) => void) | undefined;

/** How finely progress is told. */
const TOTAL = 1000;
/** Milliseconds of work between two turns of the event loop; one more piece of work may come on top. */
const SLICE = 6;

/** So many items are walked through, with no call for any, in a millisecond or two: then a pause is due. */
export const WALK = 8192;

/** Steps that are one part of a larger piece of work, whose share of it begins at `from` and ends at `to`. */
export function* part<T>(from: number, to: number, steps: Steps<T>): Steps<T> {
  try {
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      yield typeof step.value === 'number' ? from + (to - from) * step.value : step.value;
    }
  } finally {
    steps.return(undefined as T);
  }
}

/** Tells progress that never goes back, although some work is done again, and says that all is done only in the end. */
function teller(onProgress: Progress): (share: number | Pause | undefined, most?: number) => void {
  let told = 0;
  return (share, most = TOTAL - 1) => {
    if (onProgress === undefined || typeof share !== 'number') return;
    told = Math.max(told, Math.min(most, Math.floor(share * TOTAL)));
    turns++;
    onProgress(told, TOTAL);
  };
}

/** A question whose arguments were checked. */
export interface Asked<T> {
  steps: Steps<T>;
  onProgress?: Progress;
}

/** Nobody changes it: to wait for that is to sleep. */
const NOTHING = new Int32Array(new SharedArrayBuffer(4));

/** Answers a question at once. */
export function finish<T>({ steps, onProgress }: Asked<T>): T {
  const tell = teller(onProgress);
  try {
    for (;;) {
      const step = steps.next();
      if (step.done === true) {
        tell(1, TOTAL);
        return step.value;
      }
      tell(step.value);
      if (step.value instanceof Pause) Atomics.wait(NOTHING, 0, 0, step.value.ms);
    }
  } finally {
    steps.return(undefined as T);
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** What is asked of an AbortSignal. */
interface Signal {
  readonly aborted: boolean;
  readonly reason?: unknown;
}

/** As Node's own: its reason is the cause. */
function abortError(signal: Signal): Error {
  const error = new Error('The operation was aborted', { cause: signal.reason });
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' });
}

/**
 * Answers it in slices. The signal is looked at between them, so that no listener is ever left on it.
 * @throws Error `ABORT_ERR` - named AbortError, with the signal's reason as its cause
 */
export async function finishLater<T>({ steps, onProgress }: Asked<T>, signal: Signal | undefined): Promise<T> {
  const tell = teller(onProgress);
  try {
    for (let since = clock(); ; ) {
      if (signal?.aborted === true) throw abortError(signal);
      const step = steps.next();
      if (step.done === true) {
        tell(1, TOTAL);
        return step.value;
      }
      tell(step.value);
      if (step.value instanceof Pause) await sleep(step.value.ms);
      else if (clock() - since < SLICE) continue;
      else await new Promise((resolve) => void setImmediate(resolve));
      turns++;
      since = clock();
    }
  } finally {
    steps.return(undefined as T);
  }
}
