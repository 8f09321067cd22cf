/** The other ends of the descriptions that were found: each is asked about as a descriptor is, by one that refers to it. */
import { codeOf } from '../../procfs/read.ts';
import type { FileKind } from '../../procfs/kind.ts';
import type { FileRef } from '../../binding/kcmp.ts';
import type { Part } from '../../scan/options.ts';
import { part, type Steps } from '../../scan/steps.ts';
import { holdersOf } from '../holders.ts';
import type { OpenFile } from '../open-file.ts';
import type { OtherEnd } from '../peers.ts';

/** Of more files it would take too long. */
const FEW = 16;
const HAVE_ENDS: ReadonlySet<FileKind> = new Set<FileKind>(['socket', 'pipe', 'fifo', 'tty']);
const WANTED: ReadonlySet<Part> = new Set<Part>(['otherEnd']);

const unknown = (reason: string): OtherEnd => ({
  state: 'unknown',
  name: null,
  via: 'kernel',
  reason,
  holders: [],
  ends: [],
});

/** Adds them to up to 16 files; to more it adds none. */
export function* tellEnds(files: readonly OpenFile[], pids: readonly number[] | undefined): Steps<void> {
  if (files.length > FEW) return;
  for (const [i, file] of files.entries()) {
    const [holder] = file.holders;
    if (!HAVE_ENDS.has(file.kind)) file.otherEnd = null;
    else if (holder === undefined) file.otherEnd = unknown('who has it was not seen');
    else file.otherEnd = yield* part(i / files.length, (i + 1) / files.length, endOf(file, holder, pids));
  }
}

function* endOf(
  { link, flags }: OpenFile,
  { pid, fd }: FileRef,
  pids: readonly number[] | undefined,
): Steps<OtherEnd | null> {
  try {
    const now = yield* holdersOf({ pid, fd }, pids, WANTED);
    if (now.link === link && now.flags[0] === flags[0]) return now.otherEnd ?? null;
  } catch (error) {
    // It was closed, or its process has ended; a defect goes on.
    if (codeOf(error).startsWith('ERR_')) throw error;
  }
  return unknown('it was closed, or became another file, meanwhile');
}
