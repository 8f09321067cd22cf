/** Is a target what its number says? */
import type { EpollTarget } from './targets.ts';

/**
 * `undecided`: its number is open, and nothing that could be looked at says whether as this file.
 */
export type Freshness = 'fresh' | 'stale' | 'undecided';

export function freshness({ status, numberNow, numberReused, reason }: EpollTarget): Freshness {
  if (numberReused) return 'stale';
  if (status === 'live') return 'fresh';
  return status === 'unresolved' && reason === 'unreadable' && numberNow !== null ? 'undecided' : 'stale';
}
