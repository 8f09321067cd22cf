/** Who runs the tests, and how to become somebody else. */
import { spawnSync } from 'node:child_process';
import './leash.ts';
import type { ChildOptions } from './child.ts';

/** The uid and the gid of nobody, who may look at nothing of root's. */
export const NOBODY = 65534;

export const isRoot: boolean = process.getuid?.() === 0;
/** Why a test that only root can do cannot run here, or false; for a test's `skip`. */
export const needsRoot: string | false = isRoot ? false : 'needs root';

/** Options that make a child an ordinary user's. An ordinary user's children are that anyway. */
export const ORDINARY: ChildOptions = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
/** The same for any command that root starts: words to put before it. */
export const AS_NOBODY: string[] = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];

/** Can anything be started here by this command? Some kernels and containers allow no namespaces. */
export const works = ([command = '', ...words]: string[]): boolean =>
  spawnSync(command, [...words, 'true']).status === 0;
