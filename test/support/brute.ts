/**
 * The truth about epoll targets, found without any cleverness: every descriptor of every task is asked
 * about every target. And a keeper of the descriptors that a scene opens behind Node's back.
 */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { compareTasks, isEpollTarget, KcmpError, type EpollTargetRef, type FileRef } from '../../src/index.ts';
import type { EpollReport } from '../../src/inspect/epoll.ts';
import type { EpollTarget } from '../../src/inspect/epoll/targets.ts';
import * as libc from './libc.ts';

/** Descriptors that a test opened itself: each is closed once, whatever number it has come to. */
export class Fds {
  readonly #open = new Set<number>();

  /** Takes charge of a descriptor, which children shall only have if they are given it. */
  add(fd: number): number {
    this.#open.add(fd);
    return libc.closeOnExec(fd);
  }
  dup(fd: number): number {
    return this.add(libc.dup(fd));
  }
  /** Makes `to` another number of the file of `from`. */
  dup2(from: number, to: number): number {
    return this.add(libc.dup2(from, to));
  }
  pipe(): [number, number] {
    const [read, write] = libc.pipe();
    return [this.add(read), this.add(write)];
  }
  eventfd(): number {
    return this.add(libc.eventfd());
  }
  /** An epoll instance that watches these descriptors. */
  epoll(...targets: number[]): number {
    const efd = this.add(libc.epollCreate());
    for (const fd of targets) libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
    return efd;
  }
  close(...fds: number[]): void {
    for (const fd of fds) {
      assert.ok(this.#open.delete(fd), `fd ${fd} is not of this scene`);
      libc.close(fd);
    }
  }
  closeAll(): void {
    this.close(...this.#open);
  }
}

/** A bare reference, in one order, so that lists can be compared. */
export const refs = (files: Iterable<FileRef>): FileRef[] =>
  [...files].map(({ pid, fd }) => ({ pid, fd })).sort((a, b) => a.pid - b.pid || a.fd - b.fd);

const orElse = <T, U>(run: () => T, otherwise: U): T | U => {
  try {
    return run();
  } catch {
    return otherwise;
  }
};

/** Every descriptor of the tasks of these processes; a thread counts by itself if its table is its own. */
export function everyDescriptor(pids: number[]): FileRef[] {
  const tasks = pids.flatMap((pid) =>
    readdirSync(`/proc/${pid}/task`)
      .map(Number)
      .filter((tid) => tid === pid || compareTasks(pid, tid, 'files') !== 0),
  );
  return tasks.flatMap((pid) =>
    orElse(() => readdirSync(`/proc/${pid}/fd`), []).map((name) => ({ pid, fd: Number(name) })),
  );
}

/** Is it, where a descriptor that was closed since it was listed is not. */
function isTarget(file: FileRef, target: EpollTargetRef): boolean {
  try {
    return isEpollTarget(file, target);
  } catch (error) {
    if (error instanceof KcmpError && error.code === 'EBADF') return false;
    throw error;
  }
}

type Answer = Pick<EpollTarget, 'tfd' | 'toff' | 'status' | 'holders' | 'numberNow' | 'numberReused'>;

function truthOf(pid: number, efd: number, { tfd, toff }: EpollTarget, descriptors: FileRef[]): Answer {
  const holders = refs(descriptors.filter((file) => isTarget(file, { pid, efd, tfd, toff })));
  const own = holders.filter((holder) => holder.pid === pid);
  const live = own.some(({ fd }) => fd === tfd);
  const numberNow = orElse(() => readlinkSync(`/proc/${pid}/fd/${tfd}`), null);
  const status = live ? 'live' : own.length > 0 ? 'renumbered' : holders.length > 0 ? 'foreign' : 'unresolved';
  return { tfd, toff, status, holders, numberNow, numberReused: numberNow !== null && !live };
}

/** Every target of the report, compared with what every descriptor of these processes says. */
export function assertTrue(report: EpollReport, pids: number[]): void {
  const descriptors = everyDescriptor(pids);
  const said = report.targets.map(
    ({ tfd, toff, status, holders, numberNow, numberReused }): Answer => ({
      tfd,
      toff,
      status,
      holders: refs(holders),
      numberNow,
      numberReused,
    }),
  );
  assert.deepEqual(
    said,
    report.targets.map((target) => truthOf(report.pid, report.efd, target, descriptors)),
  );
}

/** The one target of a report that has just one. */
export function only(report: EpollReport): EpollTarget {
  const [target, ...others] = report.targets;
  assert.ok(target !== undefined && others.length === 0, `${report.targets.length} targets instead of one`);
  return target;
}
