/** What a scan sees and skips. */
import { refusalReason } from './refusal.ts';
import type { Coverage, Skipped } from './reports.ts';

/** Ended or closed meanwhile: nothing is left there that could have been found. */
const GONE: ReadonlySet<string> = new Set(['ESRCH', 'ENOENT', 'EBADF']);

/** What was there and could not be looked at. */
export const unseen = ({ skipped }: Pick<Coverage, 'skipped'>): Skipped[] => skipped.filter(({ code }) => !GONE.has(code));

/** Counts what a scan sees and skips. */
export class Account implements Coverage {
  processes = 0;
  tasks = 0;
  descriptors = 0;
  skipped: Skipped[] = [];

  skip(pid: number, code: string, unit: Skipped['unit'], count = 1): void {
    const known = this.skipped.find((entry) => entry.pid === pid && entry.code === code && entry.unit === unit);
    if (known === undefined) this.skipped.push({ pid, code, count, unit, reason: refusalReason(code, pid) });
    else known.count += count;
  }

  /** Whether everything held still for long enough to be told. */
  get settled(): boolean {
    return this.skipped.every(({ code }) => code !== 'EAGAIN');
  }

  toCoverage(): Coverage {
    const { processes, tasks, descriptors, skipped } = this;
    return { processes, tasks, descriptors, skipped };
  }
}
