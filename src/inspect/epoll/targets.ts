/** The targets of one epoll instance as they are read, and what becomes of them from one reading to the next. */
import type { FileRef } from '../../binding/kcmp.ts';
import type { Via } from '../../descriptions/without-kcmp.ts';
import { type EpollItem, parseItemsAs } from '../../procfs/epoll-items.ts';
import type { Steps } from '../../scan/steps.ts';

/**
 * `live`: fd `tfd` of the process is this file. `renumbered`: the process holds it under other numbers only.
 * `foreign`: only other processes hold it. `unresolved`: no descriptor that could be read is this file.
 */
export type TargetStatus = 'live' | 'renumbered' | 'foreign' | 'unresolved';

/** A target, and where its file is now. */
export interface EpollTarget extends EpollItem {
  status: TargetStatus;
  /** Every task and descriptor that refers to the target's file. */
  holders: FileRef[];
  /** What fd `tfd` of the process is today, as its /proc link reads; null when it is not open. */
  numberNow: string | null;
  /** Fd `tfd` of the process is open as another file: such a target reports events nobody expects. */
  numberReused: boolean;
  /** Why it is unresolved: `unseen`, everything was read (in flight, or held by the kernel); `unreadable`, something was skipped. */
  reason?: 'unseen' | 'unreadable';
  /** What the answer rests on, where it is not kcmp. */
  via?: Via;
}

const identity = ({ tfd, toff, ino, data, events }: EpollItem): string => `${tfd}:${toff}:${ino}:${data}:${events}`;

/** Answers that still stand: those of numbers under which nothing changed, since `toff` counts within a number. */
export function unchanged(targets: readonly EpollTarget[], again: readonly EpollItem[]): Map<string, EpollTarget> {
  const now = new Set(again.map(identity));
  const before = new Map(targets.map((target) => [identity(target), target]));
  const changed = new Set<number>();
  for (const target of targets) if (!now.has(identity(target))) changed.add(target.tfd);
  for (const item of again) if (!before.has(identity(item))) changed.add(item.tfd);
  for (const [key, { tfd }] of before) if (changed.has(tfd)) before.delete(key);
  return before;
}

const NOBODY: FileRef[] = [];

/** The targets of a text, of which nothing is known yet: a copy of each item would cost more than all else about it. */
export const parseTargets = (text: Uint8Array): Steps<EpollTarget[]> =>
  parseItemsAs(text, (tfd, toff, events, eventNames, data, pos, ino, sdev): EpollTarget => {
    const status = 'unresolved';
    // One shape for the many of today's kernels.
    // biome-ignore format: one line of fields
    if (pos !== undefined && ino !== undefined && sdev !== undefined) {
      return {
        tfd,
        toff,
        events,
        eventNames,
        data,
        pos,
        ino,
        sdev,
        status,
        holders: NOBODY,
        numberNow: null,
        numberReused: false,
      };
    }
    const target: EpollTarget = {
      tfd,
      toff,
      events,
      eventNames,
      data,
      status,
      holders: NOBODY,
      numberNow: null,
      numberReused: false,
    };
    if (pos !== undefined) target.pos = pos;
    if (ino !== undefined) target.ino = ino;
    if (sdev !== undefined) target.sdev = sdev;
    return target;
  });

/** What is not known of these targets. */
export const unknownOf = (items: EpollTarget[], known: ReadonlyMap<string, EpollTarget>): EpollTarget[] =>
  known.size === 0 ? items : items.filter((item) => !known.has(identity(item)));

/** All targets, as they are known where they are. */
export const merged = (items: EpollTarget[], known: ReadonlyMap<string, EpollTarget>): EpollTarget[] =>
  known.size === 0 ? items : items.map((item) => known.get(identity(item)) ?? item);
