/**
 * require() from where this package stands, by whichever of its names a file has: a CommonJS bundle into which somebody
 * packed it has no import.meta.
 */
export const requireHere = (): NodeJS.Require =>
  process.getBuiltinModule('node:module').createRequire(import.meta.url ?? __filename);
