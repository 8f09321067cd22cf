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

/** What one search finds out beside its groups. */
export class Aside {
  /** What the locks are on that groups show. */
  readonly locked: Set<string> = new Set();
  /** The tasks of which something was to be asked, and could not be. */
  readonly #lost: number[] = [];

  get isAnyLost(): boolean {
    return this.#lost.length > 0;
  }

  /** Of a group that moved on; whoever has ended has nothing open. */
  lose({ holders: [first] }: FileGroup): void {
    if (first !== undefined && isListed(first.pid)) this.#lost.push(first.pid);
  }

  countIn(coverage: Coverage): Coverage {
    const account = new Account();
    for (const pid of this.#lost) account.skip(pid, 'EAGAIN', 'descriptor');
    return { ...coverage, skipped: [...coverage.skipped, ...account.skipped] };
  }
}
