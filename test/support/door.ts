/**
 * The scans by one of two doors, so that one suite holds both to it: by that of KCMP_DOOR=promises, or else by the one
 * that answers at once, which here rejects where it throws.
 */
import * as atOnce from '../../src/index.ts';
import * as later from '../../src/promises.ts';

type Ask<A extends unknown[], T> = (...args: A) => Promise<T>;

const by = <A extends unknown[], T>(ask: (...args: A) => T, askLater: Ask<A, T>): Ask<A, T> =>
  process.env['KCMP_DOOR'] === 'promises' ? askLater : async (...args) => ask(...args);

export const findHolders: typeof later.findHolders = by(atOnce.findHolders, later.findHolders);
export const findOpen: typeof later.findOpen = by(atOnce.findOpen, later.findOpen);
export const groupFiles: typeof later.groupFiles = by(atOnce.groupFiles, later.groupFiles);
export const resolveEpoll: typeof later.resolveEpoll = by(atOnce.resolveEpoll, later.resolveEpoll);
export const findInherited: typeof later.findInherited = by(atOnce.findInherited, later.findInherited);
export const assertNoInherited: typeof later.assertNoInherited = by(atOnce.assertNoInherited, later.assertNoInherited);
export const inheritedByUs: typeof later.inheritedByUs = by(atOnce.inheritedByUs, later.inheritedByUs);
export const taskSharing: typeof later.taskSharing = by(atOnce.taskSharing, later.taskSharing);
export const identifyFiles: typeof later.identifyFiles = by(atOnce.identifyFiles, later.identifyFiles);
