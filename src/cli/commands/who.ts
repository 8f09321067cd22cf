/**
 * `kcmp who REF`: of a descriptor who else refers to its open file description, who has its other end, and who another
 * description of the same inode; of a port, a path and the like every description that it is open as; of a process all
 * that it has open.
 */
import type { FileRef, Holder, HolderReport } from '../../index.ts';
import { findHolders } from '../../inspect/holders.ts';
import { isListed, treeOf } from '../../procfs/processes.ts';
import { PROC } from '../../procfs/root.ts';
import { locate } from '../../procfs/raw/path.ts';
import { parseReference } from '../../util/reference.ts';
import { expect, parse, type Parsed, taskId, UsageError } from '../args.ts';
import type { Command, ExitCode, Io } from '../io.ts';
import { withoutUs } from '../output/observer.ts';
import { scanCode, tellPartial } from '../output/coverage.ts';
import { elsewhereCode } from '../output/elsewhere.ts';
import { printJson } from '../output/json.ts';
import { printAnswer } from '../output/print.ts';
import { withProgress } from '../output/progress.ts';
import { sharersOf, whoText } from '../output/who.ts';
import { pidsOf, printPids, type Wanted } from '../who/pids.ts';

/** Who has it besides the descriptor that was asked about, also by the same table; its process' threads are nobody else. */
function othersOf({ file, holders }: HolderReport): Holder[] {
  return holders.flatMap((holder) => {
    if (holder.pid !== file.pid || holder.fd !== file.fd) return [holder];
    const [, other, ...more] = sharersOf(holder);
    return other === undefined ? [] : [{ ...other, sharedWith: more.map(({ pid }) => pid) }];
  });
}

/** Whether anything surely keeps it, or its other end; what may do so is trouble. */
function codeOf({ otherEnd, elsewhere = [], coverage }: HolderReport, others: readonly Holder[]): ExitCode {
  if (others.length > 0 || (otherEnd?.holders.length ?? 0) > 0) return 0;
  const isUnsure = otherEnd?.state === 'unseen' || otherEnd?.state === 'unknown';
  return elsewhereCode(elsewhere) ?? (isUnsure ? 2 : scanCode(false, coverage));
}

/** What is mapped of the inode may be another one, which is told and changes no code. */
const surelyOf = ({ elsewhere = [] }: HolderReport): Pick<HolderReport, 'elsewhere'> => ({
  elsewhere: elsewhere.filter(({ sure }) => sure === 'description'),
});

function whoHas(file: FileRef, { json, pids, where }: Wanted, io: Io): ExitCode {
  const report = withoutUs(withProgress(io, (options) => findHolders(file, { ...options, ...where })));
  const others = othersOf(report);
  const code = codeOf(report, others);
  tellPartial(io, report.coverage);
  // Of a pipe, or one of a pair of sockets, who has the other end is the answer; the process asked about is known.
  const isAnyNamed = (report.elsewhere?.length ?? 0) > 0;
  const ends = report.otherEnd?.holders ?? [];
  if (pids) return printPids(io, pidsOf([...others, ...ends], surelyOf(report)), code, isAnyNamed);
  if (json) printJson(io, report);
  else printAnswer(io, whoText(report, others, where.pids !== undefined));
  return code;
}

/** Who is not there has nothing open, which would look like an answer. */
function whereOf(parsed: Parsed, tree: number | undefined): { pids?: number[] } {
  const listed = parsed.values('pid').map(taskId);
  const root = tree === undefined ? [] : [tree];
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

/** What stands for `--tree` without a PID, that of the process which is asked about: nobody can type it. */
const OWN = '\0';

/** An option that may have a value, which parseArgs does not know. */
function ownTree(args: string[]): string[] {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const isBare = (arg: string, i: number): boolean =>
    arg === '--tree' && i < end && /^(?!\d|\/)/.test(args[i + 1] ?? '');
  return args.map((arg, i) => (isBare(arg, i) ? `--tree=${OWN}` : arg));
}

export const run: Command = async (args, io) => {
  const parsed = parse('who', ownTree(args), {
    all: { type: 'boolean' },
    pids: { type: 'boolean' },
    pid: { type: 'string', multiple: true },
    tree: { type: 'string' },
  });
  const tree = parsed.value('tree');
  // Nothing but a tree is that process and all below it.
  const root = tree === undefined || tree === OWN ? undefined : taskId(tree);
  const rest = parsed.rest.length === 0 && root !== undefined ? [`${root}`] : parsed.rest;
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
  const isOwn = reference.is === 'process' && (tree === OWN || root === reference.pid);
  if (tree === OWN && !isOwn) throw new UsageError('--tree alone is for a PID; expected --tree PID');
  const wanted = { json, pids, all, where: whereOf(parsed, isOwn ? undefined : root) };
  if (reference.is === 'descriptor') return whoHas(reference, wanted, io);
  return (await import('../more.ts')).whoHasOpen(text, reference, isOwn, wanted, io);
};
