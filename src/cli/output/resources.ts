/** The names of what two tasks can share, in words. */
import type { TaskResource } from '../../index.ts';

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
