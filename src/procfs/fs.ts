/** node:fs, loaded by its first use: importing it loads Node's streams, which takes longer than all of this package. */

let loaded: typeof import('node:fs') | undefined;

export const fs = (): typeof import('node:fs') => (loaded ??= process.getBuiltinModule('node:fs'));
