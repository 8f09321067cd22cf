/** The targets of one epoll instance as they are read, and what becomes of them from one reading to the next. */
import type { FileRef } from '../../binding/kcmp.ts';
import type { Via } from '../../descriptions/without-kcmp.ts';
import { type EpollItem, parseItemsAs } from '../../procfs/epoll-items.ts';
import type { Steps } from '../../scan/steps.ts';
import type { Elsewhere } from '../elsewhere.ts';

/**
 * `live`: fd `tfd` of the process is this file. `renumbered`: the process holds it under other numbers only.
 * `foreign`: only other processes hold it. `unresolved`: no descriptor that could be read is this file.
 */
export type TargetStatus = 'live' | 'renumbered' | 'foreign' | 'unresolved';

/** A target, and where its file is now. */
export type EpollTarget = TargetFacts & (ResolvedTarget | UnresolvedTarget);

/** Somebody was found to have its file. */
export interface ResolvedTarget {
  status: Exclude<TargetStatus, 'unresolved'>;
  reason?: never;
  elsewhere?: never;
}

/** Nobody was. */
export interface UnresolvedTarget {
  status: 'unresolved';
  /** `unseen`: everything was read (in flight, or held by the kernel); `unreadable`: something was skipped. */
  reason: 'unseen' | 'unreadable';
  /** What keeps its file open, or may, without a descriptor. */
  elsewhere: Elsewhere[];
}

/** A target whatever became of its file. */
export interface TargetFacts extends EpollItem {
  /** Every task and descriptor that refers to the target's file. */
  holders: FileRef[];
  /** What fd `tfd` of the process is today, as its /proc link reads; null when it is not open. */
  numberNow: string | null;
  /** Fd `tfd` of the process is open as another file: such a target reports events nobody expects. */
  numberReused: boolean;
  /** What the answer rests on, where it is not kcmp. */
  via?: Via;
}

/** A target of which not all is known yet. */
export interface OpenTarget extends TargetFacts {
  status: TargetStatus;
  reason?: UnresolvedTarget['reason'];
  elsewhere?: Elsewhere[];
}

/** A target of which all is known: `reason` and `elsewhere` are there where it is unresolved, and nowhere else. */
export const closed = (targets: readonly OpenTarget[]): EpollTarget[] => targets as EpollTarget[];

const identity = ({ tfd, toff, ino, data, events }: EpollItem): string => `${tfd}:${toff}:${ino}:${data}:${events}`;

/** By target of a new list: its place in the old one, -1 where anything changed under its number, since `toff` counts within it. */
export function placesIn(before: readonly OpenTarget[], now: readonly OpenTarget[]): Int32Array {
  const isNow = new Set(now.map(identity));
  const places = new Map(before.map((target, place) => [identity(target), place]));
  const changed = new Set<number>();
  for (const target of before) if (!isNow.has(identity(target))) changed.add(target.tfd);
  for (const target of now) if (!places.has(identity(target))) changed.add(target.tfd);
  return Int32Array.from(now, (target) => (changed.has(target.tfd) ? -1 : (places.get(identity(target)) as number)));
}

const NOBODY: FileRef[] = [];

/** The targets of a text, of which nothing is known yet: a copy of each item would cost more than all else about it. */
export const parseTargets = (text: Uint8Array): Steps<OpenTarget[]> =>
  parseItemsAs(text, (tfd, toff, events, eventNames, data, pos, ino, sdev): OpenTarget => {
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
    const target: OpenTarget = {
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
