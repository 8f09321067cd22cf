/** node:fs, loaded by its first use: importing it loads Node's streams, which takes longer than all of this package. */
import { createRequire } from 'node:module';

let loaded: typeof import('node:fs') | undefined;

export const fs = (): typeof import('node:fs') => (loaded ??= createRequire(import.meta.url)('node:fs') as typeof import('node:fs'));
