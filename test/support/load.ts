/** How much is asked of a machine in tests of what many calls leave behind. */

/** By how much less is asked of one that is emulated, on which each call takes so much longer: 1 … */
const LESS = Number(process.env['KCMP_LESS'] ?? 1);

/** That many, or the part of it that is asked here. */
export const load = (count: number): number => Math.ceil(count / LESS);
