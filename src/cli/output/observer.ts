/** The command finds itself, since the shell gave it what it asks about: whoever looks is nobody's answer, unless asked about. */
import type { GroupReport, HolderReport, Lock, OpenFile, OpenReport } from '../../index.ts';

const isOther = ({ pid }: { pid: number }): boolean => pid !== process.pid;

const locksWithoutUs = (locks: readonly Lock[]): Lock[] =>
  locks.map((lock) => ({ ...lock, keptBy: lock.keptBy.filter(isOther) }));

/** Most files have nothing to do with it, and need not be made anew. */
function concernsUs({ holders, sameInode, otherEnd, locks = [], blockedBy = [], watchers = [] }: OpenFile): boolean {
  const lists = [
    holders,
    sameInode,
    otherEnd?.holders ?? [],
    watchers,
    ...[...locks, ...blockedBy].map((one) => one.keptBy),
  ];
  return !lists.every((list) => list.every(isOther));
}

function fileWithoutUs<T extends OpenFile>(file: T): T {
  if (!concernsUs(file)) return file;
  const { otherEnd } = file;
  const holders = file.holders.filter(isOther);
  const sameInode = file.sameInode.filter(isOther);
  const { locks, blockedBy, watchers } = file;
  const more = {
    ...(locks === undefined ? {} : { locks: locksWithoutUs(locks) }),
    ...(blockedBy === undefined ? {} : { blockedBy: locksWithoutUs(blockedBy) }),
    ...(watchers === undefined ? {} : { watchers: watchers.filter(isOther) }),
  };
  if (!otherEnd) return { ...file, holders, sameInode, ...more };
  const ends = otherEnd.ends
    .map((end) => ({ ...end, holders: end.holders.filter(isOther) }))
    .filter((end, i) => end.holders.length > 0 || otherEnd.ends[i]?.holders.length === 0);
  const others = otherEnd.holders.filter(isOther);
  const reason = others.length === 0 && otherEnd.holders.length > 0 ? { reason: 'only this command has it' } : {};
  return { ...file, holders, sameInode, ...more, otherEnd: { ...otherEnd, ...reason, holders: others, ends } };
}

/** A report without this process. */
export const withoutUs = (report: HolderReport): HolderReport =>
  isOther(report.file) ? fileWithoutUs(report) : report;

/** Groups of the whole machine without this process: those of which so many holders are left, numbered anew. */
export function groupsWithoutUs(report: GroupReport, minHolders: number): GroupReport {
  const groups = report.groups
    .map((group) => ({ ...group, holders: group.holders.filter(isOther) }))
    .filter(({ holders }) => holders.length >= minHolders)
    .map((group, i) => ({ ...group, id: i + 1 }));
  return { ...report, groups };
}

/** The same of what was asked about by a name: it is in use by whoever runs this, and so by this process. */
export function openWithoutUs(report: OpenReport): OpenReport {
  const files = report.files
    .map(fileWithoutUs)
    .filter(({ holders }, i) => holders.length > 0 || report.files[i]?.holders.length === 0);
  return {
    ...report,
    files,
    unheld: report.unheld.map((one) =>
      one.otherEnd === undefined ? one : { ...one, otherEnd: one.otherEnd.filter(isOther) },
    ),
    ...(report.elsewhere === undefined ? {} : { elsewhere: report.elsewhere.filter(({ pid }) => pid !== process.pid) }),
  };
}
