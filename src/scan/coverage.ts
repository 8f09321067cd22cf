/** What a scan sees and skips. */
import { refusalReason } from './reason.ts';

/** Something that a scan could not look at. */
export interface Skipped {
  pid: number;
  /** Why: `EPERM` refused, `EACCES` not listed, `ESRCH` ended meanwhile, `EBADF` closed meanwhile, … */
  code: string;
  /** How many of `unit`. */
  count: number;
  unit: 'process' | 'task' | 'descriptor';
  /** The code in words. */
  reason: string;
}

/** What a scan could and could not see. Processes seen plus processes skipped are all that were asked for. */
export interface Coverage {
  /** Processes whose descriptors were read. */
  processes: number;
  /** Tasks with a descriptor table of their own that were read: one a process, and one more for a thread that unshared. */
  tasks: number;
  /** Descriptors that were looked at. */
  descriptors: number;
  skipped: Skipped[];
}

/** Ended or closed meanwhile: nothing is left there that could have been found. */
const GONE: ReadonlySet<string> = new Set(['ESRCH', 'ENOENT', 'EBADF']);

/** What was there and could not be looked at. */
export const unseen = ({ skipped }: Pick<Coverage, 'skipped'>): Skipped[] =>
  skipped.filter(({ code }) => !GONE.has(code));

/** Counts what a scan sees and skips. */
export class Account implements Coverage {
  processes = 0;
  tasks = 0;
  descriptors = 0;
  readonly #entries = new Map<string, Skipped>();

  /** @param reason - where the code and the task do not tell */
  skip(pid: number, code: string, unit: Skipped['unit'], count = 1, reason?: string): void {
    const key = `${pid} ${code} ${unit} ${reason}`;
    const known = this.#entries.get(key);
    if (known === undefined)
      this.#entries.set(key, { pid, code, count, unit, reason: reason ?? refusalReason(code, pid) });
    else known.count += count;
  }

  /** Counts what another counted to be skipped as well. */
  skipAll(other: Account): void {
    for (const [key, entry] of other.#entries) {
      const known = this.#entries.get(key);
      if (known === undefined) this.#entries.set(key, entry);
      else known.count += entry.count;
    }
  }

  get skipped(): Skipped[] {
    return [...this.#entries.values()];
  }

  toCoverage(): Coverage {
    const { processes, tasks, descriptors, skipped } = this;
    return { processes, tasks, descriptors, skipped };
  }
}
