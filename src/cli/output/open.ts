/** What `kcmp who` says of a port, a path and the like: the answer in one line, then each open file description. */
import { type FoundFile, type Holder, type OpenReport, probe } from '../../index.ts';
import { statIno } from '../../procfs/fd.ts';
import { DELETED, withoutDeleted } from '../../procfs/link.ts';
import { locate } from '../../procfs/raw/path.ts';
import { describeFile, plural } from '../../util/text.ts';
import { ofNothing, ofUnheld, whoUnseen } from './open/nobody.ts';
import { table } from './table.ts';
import { elsewhereText } from './elsewhere.ts';
import { NO_OPENERS, type Openers, openersText } from './process/opening.ts';
import { giverText } from './giver.ts';
import { lockTable, locksText } from './locks.ts';
import { userOf } from './names.ts';
import { fullText, idleText } from './queues.ts';
import { endTable, heldBy, holderTable, ofOtherEnd, stateOf } from './who.ts';

const nameOf = ({ kind, link, name, otherNetwork }: FoundFile): string =>
  `${name ?? describeFile(kind, link)}${otherNetwork === true ? ' (of another network namespace)' : ''}`;

/** Which are shown one by one: connections only where they are asked for, or there is nothing else. */
function shownOf(files: readonly FoundFile[], all: boolean): FoundFile[] {
  const own = files.filter(({ isConnection }) => !isConnection);
  return all || own.length === 0 ? [...files] : own;
}

const holdersOf = (files: readonly FoundFile[]): Holder[] => files.flatMap(({ holders }) => holders);
const isCompared = (): boolean => probe().types.file === 'available';

/** Of a socket that somebody has who was not seen. */
function ofNobody(file: FoundFile, report: OpenReport): string {
  const user = file.uid === null ? '' : `, of user ${userOf(file.uid)},`;
  return `${nameOf(file)}${user} is held by ${whoUnseen(report)}`;
}

/** Of a listener that nobody waits for there is nothing to be said. */
const endOf = ({ otherEnd }: FoundFile): string =>
  !otherEnd || (otherEnd.state === 'listening' && otherEnd.holders.length === 0) ? '' : `; ${ofOtherEnd(otherEnd)}`;

/** Who has the other end, where one line does not name all. */
const longEnd = ({ otherEnd }: FoundFile): string[] =>
  new Set(otherEnd?.holders.map(({ pid }) => pid)).size > 1 ? endTable(otherEnd) : [];

/** Which of several do not accept. */
const fullOf = (files: readonly FoundFile[]): string =>
  files
    .map((file) => fullText(file).replace('; it ', `; ${nameOf(file)} `) + idleText(file, ` from ${nameOf(file)}`))
    .join('');

/**
 * Whether something had the very name that was asked for, until that was given to another file. A memfd never has one, and
 * what has another name besides, or is on what is mounted there, may be called so as well.
 */
function isFormer({ kind, link, former, holders: [holder] }: FoundFile, reference: string): boolean {
  if (kind === 'memfd' || former === true) return former === true;
  const { basename } = process.getBuiltinModule('node:path');
  if (link?.endsWith(DELETED) !== true || basename(withoutDeleted(link)) !== basename(reference)) return false;
  const located = locate(reference);
  if (typeof located === 'string' || holder === undefined) return true;
  const stat = statIno(holder.pid, holder.fd);
  const isIt = typeof stat !== 'string' && stat.ino === located.stat.ino && stat.dev === located.stat.dev;
  return !isIt && located.mount === undefined;
}

/** The path that was asked for, where a file has another one for those that opened it: a hard link, a bind mount, a container's. */
function otherNameOf({ link }: FoundFile, reference: string): string | undefined {
  const located = reference.includes('/') && link?.startsWith('/') === true ? locate(reference) : 'ENOENT';
  const isIt = typeof located !== 'string' && located.mount === undefined && located.path !== link;
  return isIt ? located.path : undefined;
}

/** Of those that are it for sure; where there is none, who has what may be it, and why that could not be told. */
function ofSure(files: readonly FoundFile[], report: OpenReport): string {
  const sure = files.filter(({ doubt }) => doubt === undefined);
  if (sure.length > 0) return ofFiles(sure, report);
  return `${report.reference} may be ${heldByAny(files, report)}: ${files[0]?.doubt}`;
}

function heldByAny(files: readonly FoundFile[], report: OpenReport): string {
  const holders = holdersOf(files);
  return holders.length === 0 ? `held by ${whoUnseen(report)}` : heldBy(holders);
}

function ofFiles(files: readonly FoundFile[], report: OpenReport): string {
  const [first] = files as [FoundFile];
  const holders = holdersOf(files);
  const by = heldByAny(files, report);
  if (report.missing === undefined && files.every((file) => isFormer(file, report.reference))) {
    // Whether its file was deleted or renamed a socket does not tell.
    const what =
      first.former === true
        ? 'a socket that was bound to a file of this name before'
        : 'a file of this name that was deleted';
    return `${report.reference} that is there now is open nowhere; ${what} is ${by}${fullOf(files)}`;
  }
  if (holders.length === 0 && files.length === 1) return ofNobody(first, report);
  if (files.length === 1) {
    const asked = otherNameOf(first, report.reference);
    const held = `${asked ?? nameOf(first)} is ${heldBy(holders)}${asked === undefined ? '' : `, as ${nameOf(first)}`}`;
    return [held, idleText(first), fullText(first), endOf(first)].join('');
  }
  const what = isCompared() ? 'open file descriptions' : 'descriptors, which cannot be compared here';
  return `${report.reference} is open as ${files.length} ${what}, ${by}${fullOf(files)}`;
}

/** Who connects to it by that name is refused: the file was deleted, or it is of another root directory or mount. */
const UNNAMED = 'a file of that name does not exist here';

/** `/tmp/app.log, description 1 of 2`: of several that have one name which one it is. */
function headOf(file: FoundFile, files: readonly FoundFile[]): string {
  const alike = files.filter((other) => nameOf(other) === nameOf(file));
  return alike.length === 1
    ? nameOf(file)
    : `${nameOf(file)}, ${isCompared() ? 'description' : 'descriptor'} ${alike.indexOf(file) + 1} of ${alike.length}`;
}

function paragraph(file: FoundFile, files: readonly FoundFile[], report: OpenReport): string[] {
  const may = file.doubt === undefined ? '' : ', which may be another file';
  if (file.holders.length === 0) return ['', `${ofNobody(file, report)}${may}.`];
  const head = `${headOf(file, files)}${may}${endOf(file)}:`;
  return ['', head, '', ...stateOf(file), ...holderTable(file.holders), ...longEnd(file)];
}

/** Of more than so many there is one table of all, each with its number. */
const FEW = 8;

const manyTable = (files: readonly FoundFile[]): string[] =>
  table(
    ['NO', 'PID', 'FD', 'MODE', 'USER', 'COMMAND', 'FILE'],
    files.flatMap((file, i) =>
      file.holders.map(({ pid, fd, mode = '?', uid, command = '?' }) => [
        `${i + 1}`,
        `${pid}`,
        `${fd}`,
        mode,
        uid === undefined ? '?' : userOf(uid),
        command,
        nameOf(file),
      ]),
    ),
    [0, 1, 2],
  );

/**
 * @param all - whether connections are shown one by one besides who listens
 * @param isLimited - whether only some processes were looked at
 * @param openers - who waits to open it, where nobody has it
 */
export function openText(
  report: OpenReport,
  all: boolean,
  isLimited: boolean = false,
  openers: Openers = NO_OPENERS,
): string[] {
  const { files, elsewhere = [] } = report;
  const locks = [...files.flatMap((file) => file.locks ?? []), ...(report.locks ?? [])];
  const shown = shownOf(files, all);
  const connections = files.length - shown.length;
  const [only] = shown;
  const one = shown.length === 1 && only !== undefined && only.holders.length > 0;
  const kept = elsewhereText(elsewhere, holdersOf(files));
  const more = [
    ...locksText(locks),
    ...(one ? giverText(only, report.coverage, isLimited) : []),
    ...(kept === undefined ? [] : [kept]),
    ...(connections === 0 ? [] : [`${plural(connections, 'connection')} besides, which --all lists`]),
    ...ofUnheld(report),
    ...openersText(openers),
    ...(report.missing === 'ENOENT' && files.some(({ kind }) => kind === 'socket') ? [UNNAMED] : []),
  ];
  const answer = shown.length > 0 ? ofSure(shown, report) : ofNothing(report, isLimited);
  return [
    `${[answer, ...more].join('; ')}.`,
    ...(one ? ['', ...stateOf(only), ...holderTable(only.holders), ...longEnd(only)] : []),
    ...lockTable(locks),
    ...(shown.length > FEW ? ['', ...manyTable(shown)] : []),
    ...(shown.length > 1 && shown.length <= FEW ? shown.flatMap((file) => paragraph(file, shown, report)) : []),
  ];
}
