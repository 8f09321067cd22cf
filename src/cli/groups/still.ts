/**
 * Groups are found in one look at the machine, and what is asked of them besides is read after it: of the descriptor that
 * still is one of them. Of what has moved on meanwhile nothing is told but that it did.
 */
import type { Coverage, FileGroup, FileRef } from '../../index.ts';
import { identifyFiles } from '../../inspect/identify.ts';
import { listDescriptors, readLink } from '../../procfs/fd.ts';
import { isListed } from '../../procfs/processes.ts';
import { codeOf } from '../../procfs/read.ts';
import { Account } from '../../scan/coverage.ts';

/** A holder with the link that its group has, or what one of its tasks has of that link by now, where that is one description. */
export function stillOf({ link, holders }: Pick<FileGroup, 'link' | 'holders'>): FileRef | undefined {
  if (link === null) return undefined;
  const still = holders.find(({ pid, fd }) => readLink(pid, fd) === link);
  if (still !== undefined) return still;
  for (const pid of new Set(holders.map((holder) => holder.pid))) {
    const fds = listDescriptors(pid);
    const alike = typeof fds === 'string' ? [] : fds.filter((fd) => readLink(pid, fd) === link);
    const [first, ...others] = alike.map((fd) => ({ pid, fd }));
    if (first !== undefined && others.every((other) => areOne(first, other))) return first;
  }
  return undefined;
}

function areOne(a: FileRef, b: FileRef): boolean {
  try {
    return identifyFiles(a, b).relation === 'same';
  } catch (error) {
    codeOf(error);
    return false;
  }
}

/** What was to be asked of groups, and could not be. */
export class Lost {
  #tasks: number[] = [];

  get isNone(): boolean {
    return this.#tasks.length === 0;
  }

  /** Whoever has ended has nothing open. */
  add({ holders: [first] }: FileGroup): void {
    if (first !== undefined && isListed(first.pid)) this.#tasks.push(first.pid);
  }

  /** Before all is looked at once more. */
  forget(): void {
    this.#tasks = [];
  }

  countIn(coverage: Coverage): Coverage {
    const account = new Account();
    for (const pid of this.#tasks) account.skip(pid, 'EAGAIN', 'descriptor');
    return { ...coverage, skipped: [...coverage.skipped, ...account.toCoverage().skipped] };
  }
}
