/** Landlock, which a thread puts on itself for good: meant for a child process, which may then inspect only itself. */
import { addressOf, prctl, syscall } from './libc.ts';

const CREATE_RULESET = 444;
const RESTRICT_SELF = 446;
const PR_SET_NO_NEW_PRIVS = 38;

/** @returns why there is no Landlock here, or undefined */
export function confine(): string | undefined {
  const rules = new Uint8Array(8);
  rules[1] = 0x08; // handles the making of block devices, which nobody misses
  try {
    const ruleset = syscall(CREATE_RULESET, addressOf(rules), rules.length, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1);
    syscall(RESTRICT_SELF, ruleset, 0);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
