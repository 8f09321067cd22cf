/**
 * What this process may do beyond its user: with CAP_SYS_PTRACE it may look at any process of its user namespace.
 *
 * Source: capabilities(7), proc_pid_status(5).
 */

/** The bit in a mask of capabilities. */
export const CAP_SYS_PTRACE: bigint = 1n << 19n;

/** Advice to get it helps nobody who has it. False where /proc does not tell. */
export function hasPtrace(): boolean {
  try {
    const status = process.getBuiltinModule('node:fs').readFileSync('/proc/thread-self/status', 'latin1');
    return (BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`) & CAP_SYS_PTRACE) !== 0n;
  } catch {
    return false;
  }
}
