/** `kcmp who` of what is no descriptor: every description that it is open as, or of a process all that it has open. */
import { findOpen, type OpenReport, type Part } from '../../index.ts';
import { treeOf } from '../../procfs/processes.ts';
import { readProcess } from '../../procfs/status.ts';
import { unseen } from '../../scan/coverage.ts';
import { MAX_PORT, type Reference } from '../../util/reference.ts';
import type { ExitCode, Io } from '../io.ts';
import { openWithoutUs } from '../output/observer.ts';
import { scanCode, tellPartial } from '../output/coverage.ts';
import { printJson } from '../output/json.ts';
import { PLAIN } from '../output/names.ts';
import { openText } from '../output/open.ts';
import { NO_OPENERS, openersOf } from '../output/process/opening.ts';
import { print, printAnswer } from '../output/print.ts';
import { ProcessText } from '../output/process.ts';
import { withProgress } from '../output/progress.ts';
import { pidsOf, printPids, type Wanted } from './pids.ts';

/**
 * A path that may not be looked at may be open, as a socket may be that nobody was seen to have.
 * @param isAwaited - whether somebody waits to open a FIFO, which may be this one, or keeps what is a mount point busy
 * @param where - the processes that were asked about: what others have locked is not theirs
 */
function codeOfOpen(report: OpenReport, isAwaited: boolean, where?: readonly number[]): ExitCode {
  const { files, elsewhere = [], missing, coverage } = report;
  const isUsed = elsewhere.some(({ sure }) => sure !== 'possible');
  const locks = (report.locks ?? []).filter(({ takenBy }) => where?.includes(takenBy ?? 0) !== false);
  if (isUsed || locks.length > 0 || files.some(({ holders, doubt }) => holders.length > 0 && doubt === undefined))
    return 0;
  const isPlainlyMissing = missing === undefined || missing === 'ENOENT' || missing === 'ENOTDIR';
  return elsewhere.length + files.length > 0 || isAwaited || !isPlainlyMissing ? 2 : scanCode(false, coverage);
}

/** Who else has what some processes have, or its other end; what all have, as /dev/null, is nobody's in particular. */
function othersWith(report: OpenReport, asked: readonly number[]): string[] {
  const files = report.files.filter(({ link }) => !PLAIN.has(link));
  const holders = files.flatMap(({ holders, otherEnd }) => [...holders, ...(otherEnd?.holders ?? [])]);
  const own = new Set(asked.map((one) => readProcess(one)));
  return pidsOf(holders, report).filter((pid) => !own.has(Number(pid)));
}

/** The other ends are asked for where they are the answer: each takes as long as all the rest. */
const partsOf = (is: Reference['is'], { all, json }: Wanted): Part[] =>
  all || json || is === 'link' ? ['elsewhere', 'locks', 'otherEnd', 'watchers'] : ['elsewhere', 'locks'];

function whoHasNamed(reference: string, parts: Part[], { json, pids, all, where }: Wanted, io: Io): ExitCode {
  const report = openWithoutUs(withProgress(io, (options) => findOpen(reference, { ...options, ...where, parts })));
  const holders = report.files.flatMap(({ holders, doubt }) => (doubt === undefined ? holders : []));
  tellPartial(io, report.coverage);
  // It takes a look at all threads, and text tells of it only where nobody has the path.
  const openers = json || report.files.length === 0 ? openersOf(reference) : NO_OPENERS;
  const code = codeOfOpen(report, openers.pids.length > 0, where.pids);
  const isAnyNamed =
    (report.elsewhere?.length ?? 0) + openers.pids.length > 0 || report.files.some(({ doubt }) => doubt !== undefined);
  if (pids) return printPids(io, pidsOf(holders, report), code, isAnyNamed);
  if (json) printJson(io, openers.pids.length === 0 ? report : { ...report, opening: openers.pids });
  else printAnswer(io, openText(report, all, where.pids !== undefined, openers));
  return code;
}

/** What a process has open; that something of others could not be seen changes nothing of it. */
function whatHas(pid: number, tree: boolean, { json, pids, all, where }: Wanted, io: Io): ExitCode {
  const asked = (tree ? treeOf(pid) : [pid]).filter((one) => one !== process.pid || one === pid);
  const report = withProgress(io, (options) => findOpen(`${pid}`, { ...options, ...where, tree }));
  const others = pid === process.pid ? report : openWithoutUs(report);
  if (json) printJson(io, others);
  else if (pids) print(io, othersWith(others, asked));
  else printAnswer(io, new ProcessText(others, { pids: asked, all }).lines());
  tellPartial(io, others.coverage);
  if (others.files.length > 0) return 0;
  return unseen(others.coverage).some((skipped) => asked.includes(skipped.pid)) ? 2 : 1;
}

/** @param isTree - of a process: whether what its descendants have is wanted as well */
export function whoHasOpen(text: string, reference: Reference, isTree: boolean, wanted: Wanted, io: Io): ExitCode {
  if (reference.is !== 'process') return whoHasNamed(text, partsOf(reference.is, wanted), wanted, io);
  try {
    return whatHas(reference.pid, isTree, wanted, io);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' || reference.pid > MAX_PORT) throw error;
    throw new Error(`${message}; a port is :${reference.pid}`, { cause: error });
  }
}
