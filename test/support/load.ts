/** How much is asked of a machine in tests of what many calls leave behind. */

/** By how much less is asked of one that is emulated, on which each call takes so much longer: 1 … */
const LESS = Number(process.env['KCMP_LESS'] ?? 1);

/** Why time says nothing of such a one, or false; for a test's `skip`. */
export const noClock: string | false = LESS > 1 && 'an emulated machine, of which time says nothing';

/** That many, or the part of it that is asked here. */
export const load = (count: number): number => Math.ceil(count / LESS);
