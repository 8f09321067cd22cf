/** However much there is of one kind, and however much of it moves, no piece of work between two pauses is large. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { askEpoll } from '../../src/inspect/epoll.ts';
import { askGroups } from '../../src/inspect/groups.ts';
import { askInherited } from '../../src/inspect/inherited.ts';
import { askOpen } from '../../src/inspect/open.ts';
import type { Asked } from '../../src/scan/steps.ts';
import { type Child, startChild } from '../support/child.ts';

const COUNT = 3000;
/** Of the whole, where a piece that grew with what there is was half of it. */
const LARGE = 1 / 8;
const ATTEMPTS = 4;

let child: Child;
let efd: number;
let heirs: number[];
before(async () => {
  child = await startChild();
  ({ efd, heirs } = await child.run(({ libc, fs, childProcess, keep }, count: number) => {
    const device = fs.openSync('/dev/null', 'r');
    for (let i = 0; i < count; i++) libc.dup(device);
    const heirs = [1, 2].map(() => childProcess.spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] }).pid as number);
    const efd = libc.epollCreate();
    for (let i = 0; i < count / 2; i++) libc.epollCtl(efd, libc.EPOLL_CTL_ADD, libc.eventfd());
    keep['restless'] = setInterval(() => {}, 1);
    return { efd, heirs };
  }, COUNT));
});
after(() => child?.stop());

/** The largest piece of all, by the time that the processor took. */
function largestPiece({ steps }: Asked<unknown>): number {
  const now = (): number => process.cpuUsage().user + process.cpuUsage().system;
  const start = now();
  let largest = 0;
  for (let last = start, isDone = false; !isDone; last = now()) {
    isDone = steps.next().done === true;
    largest = Math.max(largest, now() - last);
  }
  return largest / (now() - start);
}

const pids = (): number[] => [child.pid, ...heirs];
const QUESTIONS: Array<[name: string, ask: () => Asked<unknown>]> = [
  ['groupFiles', () => askGroups({ pids: pids() })],
  ['findInherited', () => askInherited(heirs[0] as number, { from: child.pid })],
  ['findOpen', () => askOpen('/dev/null', { pids: pids() })],
  ['resolveEpoll', () => askEpoll(child.pid, efd, { pids: pids() })],
];

for (const [name, ask] of QUESTIONS) {
  test(`${name} has no large piece of work`, () => {
    // In some attempts a garbage collection, or compiling, falls into a piece.
    const shares = Array.from({ length: ATTEMPTS }, () => largestPiece(ask()));
    assert.ok(Math.min(...shares) < LARGE, `${shares.map((share) => share.toFixed(3))} of the whole`);
  });
}
