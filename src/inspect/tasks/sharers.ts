/** Which of many tasks share a resource: sorted by kcmp(2)'s order of it, since pairs would grow with their square. */
import type { KcmpType, TaskResource } from '../../binding/abi.ts';
import { errnoName } from '../../binding/errors.ts';
import { kcmpRaw } from '../../binding/syscall.ts';
import { readThreadStat } from '../../procfs/stat.ts';
import type { Steps } from '../../scan/steps.ts';
import { groupBy, membersOf } from '../../util/merge-sort.ts';
import { settle } from './verdict.ts';

/** What could not be compared. */
export type OnRefusal = (task: number, code: string) => void;

/** The sets of tasks that share, each ascending; told only where one of them has the resource for sure. */
export function* sharersOf(
  tasks: readonly number[],
  resource: TaskResource,
  type: KcmpType,
  onRefusal: OnRefusal,
): Steps<number[][]> {
  const able: number[] = [];
  for (const task of tasks) {
    const result = kcmpRaw(task, task, type, 0, 0);
    if (result < 0) onRefusal(task, errnoName(result));
    else able.push(task);
    yield;
  }
  const compare = (a: number, b: number): number => {
    const result = kcmpRaw(able[a] as number, able[b] as number, type, 0, 0);
    if (result >= 0) return result === 1 ? -1 : result;
    // One that has ended goes first wherever it stands, which moves no other.
    return kcmpRaw(able[a] as number, able[a] as number, type, 0, 0) < 0 ? -1 : 1;
  };
  const sorted = yield* groupBy(Int32Array.from(able.keys()), compare, new Int32Array(able.length));
  const groups: number[][] = [];
  for (const leader of sorted.leaders) {
    const members = membersOf(sorted, leader).map((at) => able[at] as number);
    if (members.length < 2) continue;
    const first = members.find((task) => typeof readThreadStat(task) !== 'string');
    if (first === undefined) continue;
    const sharers = [first];
    for (const other of members) {
      if (other === first) continue;
      const { verdict, code } = settle(first, other, resource, type);
      if (verdict === 'shared') sharers.push(other);
      else if (verdict === 'unknown') onRefusal(other, code as string);
      yield;
    }
    if (sharers.length > 1) groups.push(sharers.sort((a, b) => a - b));
  }
  return groups.sort((a, b) => (a[0] as number) - (b[0] as number));
}
