/**
 * `kcmp who REF`: of a descriptor who else refers to its open file description, who has its other end, and who another
 * description of the same inode; of a port, a path and the like every description that it is open as; of a process all
 * that it has open.
 */
import {
  findHolders,
  findOpen,
  type FileRef,
  type Holder,
  type HolderReport,
  type OpenReport,
  type Part,
} from '../../index.ts';
import { isListed, treeOf } from '../../procfs/processes.ts';
import { PROC } from '../../procfs/root.ts';
import { locate } from '../../procfs/raw/path.ts';
import { unseen } from '../../scan/coverage.ts';
import { readProcess } from '../../procfs/status.ts';
import { MAX_PORT, parseReference, type Reference } from '../../util/reference.ts';
import { expect, parse, type Parsed, taskId, UsageError } from '../args.ts';
import type { Command, ExitCode, Io } from '../io.ts';
import { openWithoutUs, withoutUs } from '../output/observer.ts';
import { scanCode, tellPartial } from '../output/coverage.ts';
import { elsewhereCode } from '../output/elsewhere.ts';
import { printJson } from '../output/json.ts';
import { PLAIN } from '../output/names.ts';
import { openText } from '../output/open.ts';
import { print, printAnswer, tell } from '../output/print.ts';
import { ProcessText } from '../output/process.ts';
import { withProgress } from '../output/progress.ts';
import { sharersOf, whoText } from '../output/who.ts';

/** Who has it besides the descriptor that was asked about, also by the same table; its process' threads are nobody else. */
function othersOf({ file, holders }: HolderReport): Holder[] {
  const own = readProcess(file.pid);
  return holders.flatMap((holder) => {
    if (holder.pid !== file.pid || holder.fd !== file.fd) return [holder];
    const [other, ...more] = sharersOf(holder).filter(({ pid }) => readProcess(pid) !== own);
    return other === undefined ? [] : [{ ...other, sharedWith: more.map(({ pid }) => pid) }];
  });
}

/** Whether anything surely keeps it, or its other end; what may do so is trouble. */
function codeOf({ otherEnd, elsewhere = [], coverage }: HolderReport, others: readonly Holder[]): ExitCode {
  if (others.length > 0 || (otherEnd?.holders.length ?? 0) > 0) return 0;
  const isUnsure = otherEnd?.state === 'unseen' || otherEnd?.state === 'unknown';
  return elsewhereCode(elsewhere) ?? (isUnsure ? 2 : scanCode(false, coverage));
}

/** A path that may not be looked at may be open, as a socket may be that nobody was seen to have. */
function codeOfOpen({ files, elsewhere = [], locks = [], missing, coverage }: OpenReport): ExitCode {
  const isUsed = elsewhere.some(({ sure }) => sure !== 'possible');
  if (isUsed || locks.length > 0 || files.some(({ holders }) => holders.length > 0)) return 0;
  const isPlainlyMissing = missing === undefined || missing === 'ENOENT' || missing === 'ENOTDIR';
  return elsewhere.length + files.length > 0 || !isPlainlyMissing ? 2 : scanCode(false, coverage);
}

/** The answer for `$(…)`: that there are none is an answer only where all was seen. */
function printPids(io: Io, pids: readonly string[], code: ExitCode): ExitCode {
  print(io, [...pids]);
  if (pids.length === 0 && code !== 1) tell(io, 'no process is known to have it; without --pids it is told what may');
  return pids.length === 0 && code === 0 ? 2 : code;
}

/** Each process once: who holds it, and who uses it without a descriptor. */
function pidsOf(holders: readonly Holder[], { elsewhere = [] }: Pick<HolderReport, 'elsewhere'>): string[] {
  const users = elsewhere.filter(({ sure }) => sure !== 'possible').map(({ pid }) => pid);
  const pids = [...holders.flatMap(({ pid, sharedWith = [] }) => [pid, ...sharedWith]), ...users];
  // Each is asked for its process once, however much it has.
  const tasks = [...new Set(pids)].filter((pid) => pid !== null);
  return [...new Set(tasks.map((task) => readProcess(task)))].map(String);
}

/** Who else has what some processes have, or its other end; what all have, as /dev/null, is nobody's in particular. */
function othersWith(report: OpenReport, asked: readonly number[]): string[] {
  const files = report.files.filter(({ link }) => !PLAIN.has(link));
  const holders = files.flatMap(({ holders, otherEnd }) => [...holders, ...(otherEnd?.holders ?? [])]);
  return pidsOf(holders, report).filter((pid) => !asked.includes(Number(pid)));
}

/** How the answer is wanted. */
interface Wanted {
  json: boolean;
  pids: boolean;
  all: boolean;
  /** Where to look; every process when left out. */
  where: { pids?: number[] };
}

function whoHas(file: FileRef, { json, pids, where }: Wanted, io: Io): ExitCode {
  const report = withoutUs(withProgress(io, (options) => findHolders(file, { ...options, ...where })));
  const others = othersOf(report);
  const code = codeOf(report, others);
  tellPartial(io, report.coverage);
  // Of a pipe, or one of a pair of sockets, who has the other end is the answer; the process asked about is known.
  if (pids) return printPids(io, pidsOf([...others, ...(report.otherEnd?.holders ?? [])], report), code);
  if (json) printJson(io, report);
  else printAnswer(io, whoText(report, others, where.pids !== undefined));
  return code;
}

/** The other ends are asked for where they are the answer: each takes as long as all the rest. */
const partsOf = (is: Reference['is'], { all, json }: Wanted): Part[] =>
  all || json || is === 'link' ? ['elsewhere', 'locks', 'otherEnd', 'watchers'] : ['elsewhere', 'locks'];

function whoHasOpen(
  reference: string,
  { json, pids, all, where, parts }: Wanted & { parts: Part[] },
  io: Io,
): ExitCode {
  const report = openWithoutUs(withProgress(io, (options) => findOpen(reference, { ...options, ...where, parts })));
  const holders = report.files.flatMap(({ holders }) => holders);
  tellPartial(io, report.coverage);
  if (pids) return printPids(io, pidsOf(holders, report), codeOfOpen(report));
  if (json) printJson(io, report);
  else printAnswer(io, openText(report, all, where.pids !== undefined));
  return codeOfOpen(report);
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

/** Who is not there has nothing open, which would look like an answer. */
function whereOf(parsed: Parsed, tree: string | undefined): { pids?: number[] } {
  const listed = parsed.values('pid').map(taskId);
  const root = tree === undefined ? [] : [taskId(tree)];
  if (listed.length + root.length === 0) return {};
  for (const pid of [...listed, ...root])
    if (!isListed(pid)) throw new Error(`there is no process ${pid}, or /proc hides it`);
  return { pids: [...new Set([...listed, ...root.flatMap(treeOf)])] };
}

/** A name that means nothing else is what the working directory has under it: `app.lock`, `.`; no server is asked. */
const isNameHere = (text: string): boolean =>
  text !== '' && !text.includes('\0') && parseReference(text).is === 'none' && typeof locate(`./${text}`) !== 'string';

/** Whether an argument is not what was typed: Node puts one character in the place of all bytes that are no UTF-8. */
function isMangled(text: string): boolean {
  if (!text.includes('\ufffd')) return false;
  const typed = process.getBuiltinModule('node:fs').readFileSync(`${PROC}/self/cmdline`);
  return !typed.includes(Buffer.from(`\0${text}\0`));
}

/** What stands for `--tree` without a PID: that of the process which is asked about. */
const OWN = 'own';

/** An option that may have a value, which parseArgs does not know. */
const ownTree = (args: string[]): string[] =>
  args.map((arg, i) => (arg === '--tree' && /^(?!\d|\/)/.test(args[i + 1] ?? '') ? `--tree=${OWN}` : arg));

export const run: Command = (args, io) => {
  const parsed = parse('who', ownTree(args), {
    all: { type: 'boolean' },
    pids: { type: 'boolean' },
    pid: { type: 'string', multiple: true },
    tree: { type: 'string' },
  });
  const tree = parsed.value('tree');
  // Nothing but a tree is that process and all below it.
  const rest = parsed.rest.length === 0 && tree !== undefined && tree !== OWN ? [tree] : parsed.rest;
  expect('who', rest, 'REF');
  const [named = ''] = rest;
  const [json, pids, all] = [parsed.flag('json'), parsed.flag('pids'), parsed.flag('all')];
  if (json && pids) throw new UsageError('--json and --pids exclude one another');
  if (isMangled(named))
    throw new UsageError(
      `${named} holds bytes that are no UTF-8, by which nothing can be asked for; ask by PID or PID:FD`,
    );
  const text = isNameHere(named) ? `./${named}` : named;
  const reference = parseReference(text);
  if (reference.is === 'none') throw new UsageError(reference.why);
  const isOwn = reference.is === 'process' && (tree === OWN || tree === text);
  if (tree === OWN && !isOwn) throw new UsageError('--tree alone is for a PID; expected --tree PID');
  const wanted = { json, pids, all, where: whereOf(parsed, isOwn ? undefined : tree) };
  if (reference.is === 'process') {
    try {
      return whatHas(reference.pid, isOwn, wanted, io);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'ESRCH' || reference.pid > MAX_PORT) throw error;
      throw new Error(`${message}; a port is :${reference.pid}`, { cause: error });
    }
  }
  if (reference.is === 'descriptor') return whoHas(reference, wanted, io);
  return whoHasOpen(text, { ...wanted, parts: partsOf(reference.is, wanted) }, io);
};
