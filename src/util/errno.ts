/** The numbers of errors by their names, as this machine has them. */
export const ERRNO: Readonly<Record<keyof typeof import('node:os').constants.errno, number>> =
  process.getBuiltinModule('node:os').constants.errno;
