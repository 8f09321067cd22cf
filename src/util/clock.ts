/** A clock that only goes forward, in milliseconds. `performance` tells the same, and takes one of these to be loaded. */
export function clock(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** Waits up to so many milliseconds, other ones each time: what is done at even distances falls into step with what it looks at. */
export function waitAWhile(most: number): void {
  for (const end = clock() + Math.random() * most; clock() < end; );
}
