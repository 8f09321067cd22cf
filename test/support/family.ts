/** Pairs of processes that clone(2) made with flags of choice: fixtures/family.c, compiled once where `cc` exists. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { compile, compilerMissing } from './compile.ts';

const SOURCE = new URL('./fixtures/family.c', import.meta.url);

export const CLONE_SYSVSEM = 0x40000;
export const CLONE_IO = 0x80000000;
export const CLONE_VFORK = 0x4000;

/** Why pairs cannot be made here, or false; for a test's `skip`. */
export const familyMissing: string | false = compilerMissing;

export interface FamilyOptions {
  /** Flags for clone(2), without CLONE_VM. */
  flags?: number;
  /** What the parent does before it clones, and the child after: `i` an I/O context, `s` an undo list, `z` the child ends unreaped, `p` it tells that it is ready, `a` it waits in accept(2). */
  parent?: string;
  child?: string;
  /** Descriptors to hand over as fd 3 and up. */
  fds?: number[];
}

export interface Family {
  parent: number;
  child: number;
  process: ChildProcess;
  stop(): Promise<void>;
}

export async function startFamily(options: FamilyOptions = {}): Promise<Family> {
  const { flags = 0, parent = '-', child = '-', fds = [] } = options;
  const proc = spawn(compile(SOURCE), [flags.toString(16), parent, child], {
    stdio: ['pipe', 'pipe', 'inherit', ...fds],
  });
  const ended = once(proc, 'exit');
  const early = ended.then(([code]) => Promise.reject(new Error(`family ended with ${code}`)));
  const [line] = (await Promise.race([once(proc.stdout as NodeJS.ReadableStream, 'data'), early])) as [Buffer];
  early.catch(() => {}); // it ends some day
  const [first = 0, second = 0] = line.toString().trim().split(' ').map(Number);
  return {
    parent: first,
    child: second,
    process: proc,
    async stop() {
      proc.stdin?.end();
      await ended;
    },
  };
}
