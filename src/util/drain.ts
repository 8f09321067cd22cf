/** Work that yields where it may be paused, of which it is not known how much there is. */
export type Pausing<T> = Generator<undefined, T, undefined>;

/** Runs a generator to its end, whatever it yields on the way; returns what it returns. */
export function drain<T>(steps: Iterator<unknown, T, undefined>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
