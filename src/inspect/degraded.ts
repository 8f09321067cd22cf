/** Comparisons where kcmp(2) is blocked or missing: what is exact, and an account of what stays unknown. */
import type { FileRef } from '../binding/kcmp.ts';
import { identifyWithoutKcmp } from './identify.ts';
import type { Account } from './account.ts';

/** Same description, another one, or undefined when it could not be told, which is counted against `b`. */
export function sameWithoutKcmp(a: FileRef, b: FileRef, account: Account): boolean | undefined {
  try {
    const { relation } = identifyWithoutKcmp(a, b, '');
    if (relation !== 'unknown') return relation === 'same';
    account.skip(b.pid, 'EPERM', 'descriptor');
  } catch (error) {
    account.skip(b.pid, (error as NodeJS.ErrnoException).code ?? 'EPERM', 'descriptor');
  }
  return undefined;
}
