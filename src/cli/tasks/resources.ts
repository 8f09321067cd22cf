/** The names of what two tasks can share, in words. */
import { KCMP_VM } from '../../binding/abi.ts';
import { kcmp } from '../../binding/kcmp.ts';
import type { KcmpError, TaskResource } from '../../index.ts';
import { withoutCall } from '../output/print.ts';

export const RESOURCE_WORDS: Readonly<Record<TaskResource, string>> = {
  vm: 'address space',
  files: 'descriptor table',
  fs: 'filesystem information (root, working directory, umask)',
  sighand: 'table of signal handlers',
  io: 'I/O context',
  sysvsem: 'list of semaphore undos',
};

/** In the order of the kernel's constants. */
export const RESOURCES: readonly TaskResource[] = Object.keys(RESOURCE_WORDS) as TaskResource[];

/** `EPERM: pid 7 may not be inspected: …`: why some of these could not be compared, as far as one of them tells. */
export function whyNot(code: string, ids: readonly number[]): string {
  for (const id of code === 'EPERM' ? ids : []) {
    try {
      kcmp(id, id, KCMP_VM);
    } catch (error) {
      const { code: own, message } = error as KcmpError;
      if (own === code) return withoutCall(message);
    }
  }
  return code;
}
