/** Waiting for what is bound to happen. */
import { setTimeout as sleep } from 'node:timers/promises';

/** So long that only what never happens takes it, also on a machine that does ten other things. */
const PATIENCE_MS = 60_000;

/**
 * Looks again and again until there is something to see.
 * @returns what the look found: anything but false and undefined
 * @throws an Error that names what never came about
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
): Promise<Exclude<Awaited<T>, false | undefined>> {
  for (const end = Date.now() + PATIENCE_MS; ; await sleep(10)) {
    const found = await look();
    if (found !== undefined && found !== false) return found as Exclude<Awaited<T>, false | undefined>;
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
  }
}
