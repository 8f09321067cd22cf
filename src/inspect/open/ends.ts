/** The other ends of the descriptions that were found: each is asked about as a descriptor is, by one that refers to it. */
import { codeOf } from '../../procfs/read.ts';
import type { FileKind } from '../../procfs/kind.ts';
import type { FileRef } from '../../binding/kcmp.ts';
import type { Part } from '../../scan/options.ts';
import { part, type Steps } from '../../scan/steps.ts';
import { holdersOf } from '../holders.ts';
import type { OpenFile } from '../open-file.ts';
import type { OtherEnd } from '../peers.ts';
import { UNWATCHED } from '../watchers.ts';

/** Of more files it would take too long. */
const FEW = 16;
const HAVE_ENDS: ReadonlySet<FileKind> = new Set<FileKind>(['socket', 'pipe', 'fifo', 'tty']);
const BY_DESCRIPTOR: readonly Part[] = ['otherEnd', 'watchers'];

const unknown = (reason: string): OtherEnd => ({
  state: 'unknown',
  name: null,
  via: 'kernel',
  reason,
  holders: [],
  ends: [],
});

/**
 * Adds them, and who watches, to up to 16 files; to more it adds none.
 * @param parts - which of the two are wanted
 */
export function* tellEnds(
  files: readonly OpenFile[],
  pids: readonly number[] | undefined,
  parts: ReadonlySet<Part>,
): Steps<void> {
  const wanted = new Set(BY_DESCRIPTOR.filter((one) => parts.has(one)));
  if (wanted.size === 0 || files.length > FEW) return;
  for (const [i, file] of files.entries()) {
    const [holder] = file.holders;
    // What gives no access to a file is an end of nothing.
    const hasEnd = parts.has('otherEnd') && HAVE_ENDS.has(file.kind) && file.flags[0] !== 'path';
    const isAsked = hasEnd || (parts.has('watchers') && !UNWATCHED.has(file.kind));
    const steps = holder === undefined || !isAsked ? undefined : askedAgain(file, holder, pids, wanted);
    const now = steps === undefined ? undefined : yield* part(i / files.length, (i + 1) / files.length, steps);
    if (parts.has('otherEnd')) file.otherEnd = hasEnd ? (now?.otherEnd ?? unknown(whyUnknown(holder))) : null;
    if (parts.has('watchers')) file.watchers = now?.watchers ?? [];
  }
}

const whyUnknown = (holder: FileRef | undefined): string =>
  holder === undefined ? 'who has it was not seen' : 'it was closed, or became another file, meanwhile';

function* askedAgain(
  { link, flags }: OpenFile,
  { pid, fd }: FileRef,
  pids: readonly number[] | undefined,
  wanted: ReadonlySet<Part>,
): Steps<OpenFile | undefined> {
  try {
    const now = yield* holdersOf({ pid, fd }, pids, wanted);
    return now.link === link && now.flags[0] === flags[0] ? now : undefined;
  } catch (error) {
    // It was closed, or its process has ended; a defect goes on.
    if (codeOf(error).startsWith('ERR_')) throw error;
    return undefined;
  }
}
