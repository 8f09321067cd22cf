/**
 * Is a report true? What held still must be right, or be told as "could not look"; of what moved only that is accepted
 * which was so at some time during the call. Each judge answers what is wrong, or undefined.
 */
import type { FileGroup, FileRef, GroupReport, HolderReport, InheritedReport, OpenReport } from '../../../src/index.ts';
import { Excuses, type Look } from './look.ts';
import { type Ask, type File, filesOf, keyOf, type Mask, NONE, type Scene } from './scene.ts';

export type Wrong = string | undefined;

/** Tries every file that the one asked about may have been: which one does the answer fit? */
export function anyOf(mask: Mask, judge: (file: number) => Wrong): Wrong {
  const reasons: string[] = [];
  for (const file of filesOf(mask)) {
    const wrong = judge(file);
    if (wrong === undefined) return undefined;
    reasons.push(`as file ${file}: ${wrong}`);
  }
  return reasons.join('; ') || 'it was closed all the time';
}

const first = <T>(items: Iterable<T>, judge: (item: T) => Wrong): Wrong => {
  for (const item of items) {
    const wrong = judge(item);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
};

/** Are these all that hold a file, and no others? */
export function listed(file: number, holders: readonly FileRef[], excuses: Excuses, look: Look): Wrong {
  const found = new Set(holders.map(keyOf));
  if (found.size < holders.length) return 'one is named twice';
  const wrong = first(holders, (ref) => {
    const may = look.may(ref);
    return (may >> file) & 1 ? undefined : `${keyOf(ref)} is named and was ${look.describe(may)}`;
  });
  if (wrong !== undefined) return wrong;
  const missing = first(look.definite(), ([ref, number]) =>
    number !== file || found.has(keyOf(ref)) || excuses.take(ref.pid) ? undefined : `${keyOf(ref)} is missing, untold`,
  );
  if (missing !== undefined || !look.scene.roam.includes(file)) return missing;
  return holders.some((ref) => !look.scene.still.has(keyOf(ref))) || excuses.ofMover
    ? undefined
    : 'the one that moves about is missing, untold';
}

const fileOf = ({ files }: Scene, number: number): File => files.get(number) as File;

/** Is it called what it is? Of what may not be looked at, or was closed meanwhile, there may be no name. */
function named(file: number, said: { kind: string; link: string | null }, holders: FileRef[], look: Look): Wrong {
  const { kind, link } = fileOf(look.scene, file);
  if (said.link === link && said.kind === kind) return undefined;
  const isLost = look.refused || holders.every((ref) => (look.may(ref) & NONE) !== 0);
  if (isLost && said.link === null && (said.kind === kind || said.kind === 'unknown')) return undefined;
  return `${said.kind} ${said.link} instead of ${kind} ${link}`;
}

/** Inodes of one file are one description's only where nothing can open it again. */
const isReopenable = ({ kind, class: inode }: File): boolean => inode > 0 && (kind === 'regular' || kind === 'memfd');

export function judgeHolders(ask: Ask, report: HolderReport, look: Look): Wrong {
  const { scene } = look;
  const { holders, sameInode } = report;
  const twice = holders.find((ref) => sameInode.some((other) => keyOf(other) === keyOf(ref)));
  if (twice !== undefined) return `${keyOf(twice)} is in both lists`;
  return anyOf(look.may(ask), (file) => {
    const excuses = new Excuses(report.coverage, look);
    const asked = fileOf(scene, file);
    const isBeside = (number: number): boolean => {
      const other = fileOf(scene, number);
      return number !== file && other.class === asked.class && other.kind === asked.kind;
    };
    const beside = (ref: FileRef): Wrong =>
      filesOf(look.may(ref)).some(isBeside)
        ? undefined
        : `${keyOf(ref)} is said to be on the same inode and was ${look.describe(look.may(ref))}`;
    const missing = ([ref, number]: [FileRef, number]): Wrong =>
      !isBeside(number) || sameInode.some((other) => keyOf(other) === keyOf(ref)) || excuses.take(ref.pid)
        ? undefined
        : `${keyOf(ref)} is missing among those of the same inode, untold`;
    return (
      named(file, report, [ask], look) ??
      listed(file, holders, excuses, look) ??
      (holders.some((ref) => keyOf(ref) === keyOf(ask)) || excuses.take(ask.pid)
        ? undefined
        : 'without the one asked about') ??
      first(sameInode, beside) ??
      (asked.kind === 'pipe' ? first(report.otherEnd?.holders ?? [], beside) : undefined) ??
      (isReopenable(asked) ? first(look.definite(), missing) : undefined)
    );
  });
}

/** What of a scene is asked about. */
interface Asked {
  has(ref: FileRef, file: number): boolean;
  roams(file: number): boolean;
}
const ALL: Asked = { has: () => true, roams: () => true };

const groupsOf = ({ files }: OpenReport): FileGroup[] =>
  files.map(({ kind, link, name, holders }, i) => ({ id: i + 1, kind, link, name, holders }));

/** Of what one link names, whoever has it: all of one inode. */
export function judgeLink({ pid, fd }: Ask, report: OpenReport, look: Look): Wrong {
  const { files, still } = look.scene;
  const { link } = files.get(still.get(keyOf({ pid, fd })) as number) as File;
  const isOf = (file: number): boolean => files.get(file)?.link === link;
  const { coverage } = report;
  return judgeGroups({ groups: groupsOf(report), coverage }, look, { has: (_, file) => isOf(file), roams: isOf });
}

/** Of one process: all that it surely has, and all others who have what it is told to have. */
export function judgeProcess({ pid }: Ask, report: OpenReport, look: Look): Wrong {
  const { coverage } = report;
  const groups = groupsOf(report);
  const stranger = groups.find(({ holders }) => !holders.some((ref) => ref.pid === pid));
  if (stranger !== undefined) return `group ${stranger.id} is not the process's`;
  const told = new Set(groups.flatMap(({ holders }) => holders.map(keyOf)));
  const own = [...look.definite()].filter(([ref]) => ref.pid === pid);
  const known = new Set(own.filter(([ref]) => told.has(keyOf(ref))).map(([, file]) => file));
  return judgeGroups({ groups, coverage }, look, {
    has: (ref, file) => ref.pid === pid || known.has(file),
    roams: (file) => pid === look.scene.mover || known.has(file),
  });
}

export function judgeGroups(
  { groups, coverage }: Omit<GroupReport, 'sharedTables'>,
  look: Look,
  asked: Asked = ALL,
): Wrong {
  const { scene } = look;
  const excuses = new Excuses(coverage, look);
  const groupOf = new Map<string, FileGroup>();
  /** By file: the group that can be nothing else. */
  const sure = new Map<number, FileGroup>();
  const open: Array<[FileGroup, Mask]> = [];
  for (const group of groups) {
    let mask = -1;
    let known = 0;
    for (const ref of group.holders) {
      if (groupOf.has(keyOf(ref))) return `${keyOf(ref)} is in two groups`;
      groupOf.set(keyOf(ref), group);
      const may = look.may(ref);
      if (may !== 0) known++;
      mask &= may;
    }
    if (known === 0) continue;
    mask &= ~NONE;
    if (mask === 0)
      return `group ${group.id} merges what is not one: ${group.holders.map((ref) => `${keyOf(ref)} (${look.describe(look.may(ref))})`)}`;
    const wrong = anyOf(mask, (file) => named(file, group, group.holders, look));
    if (wrong !== undefined) return `group ${group.id}: ${wrong}`;
    // What kcmp(2) may not tell apart stands by itself.
    if (scene.blind && excuses.told) continue;
    if ((mask & (mask - 1)) !== 0) open.push([group, mask]);
    else if (sure.has(Math.log2(mask))) return `groups ${sure.get(Math.log2(mask))?.id} and ${group.id} are one file`;
    else sure.set(Math.log2(mask), group);
  }
  return (
    first(look.definite(), ([ref, file]) =>
      !asked.has(ref, file) || groupOf.has(keyOf(ref)) || excuses.take(ref.pid)
        ? undefined
        : `${keyOf(ref)} is in no group, untold`,
    ) ??
    first(open, ([{ id }, mask]) =>
      filesOf(mask).every((file) => sure.has(file)) ? `group ${id} was one with another at every moment` : undefined,
    ) ??
    first(scene.roam, (file) =>
      !asked.roams(file) ||
      groups.some(({ holders }) =>
        holders.some((ref) => (look.may(ref) >> file) & 1 && !scene.still.has(keyOf(ref))),
      ) ||
      excuses.ofMover
        ? undefined
        : `the one that moves about with file ${file} is in no group, untold`,
    )
  );
}

export function judgeInherited({ inherited, coverage }: InheritedReport, look: Look): Wrong {
  const { scene } = look;
  const excuses = new Excuses(coverage, look);
  const isShared = (number: number): boolean =>
    [...look.definite()].some(([ref, other]) => other === number && ref.pid === scene.keeper);
  return (
    first(inherited, ({ fd, from, kind, link }) => {
      const [own, theirs] = [look.may({ pid: scene.mover, fd }), look.may(from)];
      if (own === 0 && theirs === 0) return undefined; // the scene knows neither
      const both = own & theirs & ~NONE;
      return both === 0
        ? `fd ${fd} is not ${keyOf(from)}`
        : anyOf(both, (file) => named(file, { kind, link }, [{ pid: scene.mover, fd }], look));
    }) ??
    first(look.definite(), ([{ pid, fd }, number]) => {
      if (pid !== scene.mover) return undefined;
      const said = inherited.filter((file) => file.fd === fd).length;
      if (said === (isShared(number) ? 1 : 0)) return undefined;
      if (said > 0) return `fd ${fd} is named ${said} times`;
      return excuses.take(pid) || excuses.take(scene.keeper) ? undefined : `fd ${fd} is missing, untold`;
    }) ??
    first(scene.roam, (file) =>
      !isShared(file) || inherited.some(({ fd }) => (look.may({ pid: scene.mover, fd }) >> file) & 1) || excuses.ofMover
        ? undefined
        : `the one that moves about with file ${file} is missing, untold`,
    )
  );
}
