/** onProgress through either door: told of all of the work, and a way to end it. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import * as atOnce from '../../src/index.ts';
import * as later from '../../src/promises.ts';
import { startChild } from '../support/child.ts';
import * as libc from '../support/libc.ts';
import { type Ask, type Crowd, type Door, questionsOf, startCrowd } from './crowd.ts';

const DOORS: Array<[name: string, door: Door]> = [
  ['at once', atOnce],
  ['later', later],
];
const HALVES = ['groupFiles', 'findHolders', 'resolveEpoll'];
const NAMES = [...HALVES, 'findHolders of a pipe', 'findHolders of a socket', 'findOpen', 'findInherited'];

let crowd: Crowd;
before(async () => {
  crowd = await startCrowd(3, 1500);
});
after(() => crowd?.stop());

const questionOf = (name: string): Ask => questionsOf(crowd).find(([own]) => own === name)?.[1] as Ask;
const openHere = (): string => `${readdirSync('/proc/self/fd')}`;

/** Never back, one total, all done in the end and not before the last time; told often enough to be of use. */
function assertGoesOn(told: ReadonlyArray<readonly [done: number, total: number]>): void {
  const [last] = told.slice(-1) as [[number, number]];
  assert.equal(last[0], last[1]);
  assert.ok(told.every(([done, total], i) => total === last[1] && done >= (told[i - 1]?.[0] ?? 0)));
  assert.equal(told.filter(([done, total]) => done === total).length, 1, 'all is done once, in the end');
}

for (const [how, door] of DOORS) {
  describe(`asked ${how}`, () => {
    for (const name of NAMES) {
      test(`${name} tells of all of the work`, async () => {
        const told: Array<[number, number]> = [];
        await questionOf(name)(door, { onProgress: (done, total) => void told.push([done, total]) });
        assertGoesOn(told);
        const steps = told.map(([done], i) => done - (told[i - 1]?.[0] ?? 0));
        assert.ok(Math.max(...steps) <= 500, `${Math.max(...steps)} of a thousand at one go`);
      });

      test(`what onProgress throws ends ${name}, whenever it does, and leaves nothing open`, async () => {
        const ask = questionOf(name);
        let times = 0;
        await ask(door, { onProgress: () => void times++ });
        const before = openHere();
        for (const at of [1, 2, 3, ...[0.1, 0.3, 0.5, 0.7, 0.9].map((share) => Math.ceil(times * share))]) {
          const mine = new Error(`at ${at}`);
          let told = 0;
          const onProgress = (): void => {
            if (++told === at) throw mine;
          };
          const outcome = await (async () => ask(door, { onProgress }))().catch((error: unknown) => error);
          // How often it is told depends on what moves.
          if (told >= at) assert.ok(outcome === mine && told === at, `${outcome}, and told ${told - at} times more`);
          assert.equal(openHere(), before);
        }
      });
    }
  });
}

const MORE = 500;

test('half is done when every process was read, and not before', async () => {
  const { pids, device, efd } = crowd;
  const [pid] = pids as [number];
  const asks: Array<(options: atOnce.ScanOptions) => { coverage: atOnce.Coverage }> = [
    (options) => atOnce.groupFiles(options),
    (options) => atOnce.findHolders({ pid, fd: device }, options),
    (options) => atOnce.resolveEpoll(pid, efd, options),
  ];
  for (const [i, ask] of asks.entries()) {
    const child = await startChild();
    await child.run(({ libc }, count: number) => {
      for (let i = 0; i < count; i++) libc.eventfd();
    }, MORE);
    const without = ask({ pids }).coverage.descriptors;
    let isAlive = true;
    const onProgress = (done: number, total: number): void => {
      if (isAlive && done >= total / 2) {
        isAlive = false;
        libc.kill(child.pid, 9);
        while (existsSync(`/proc/${child.pid}/fdinfo/0`)); // a zombie has no descriptors
      }
    };
    const { coverage } = ask({ pids: [...pids, child.pid], onProgress });
    await child.stop();
    assert.ok(!isAlive && coverage.descriptors >= without + MORE, `${HALVES[i]}: ${coverage.descriptors - without}`);
  }
});

for (const filter of [false, true]) {
  test(`all of the work is told of in small scenes too${filter ? ', and where kcmp is refused' : ''}`, async () => {
    await using child = await startChild();
    const tellings = await child.run(
      async ({ door, libc, seccomp }, filter: boolean, parent: number) => {
        const [fd] = libc.socketpair();
        const efd = libc.epollCreate();
        libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
        if (filter) seccomp.refuseKcmp('EPERM');
        const { pid } = process;
        const tellings: Array<Array<[number, number]>> = [];
        const telling = (): { onProgress: (done: number, total: number) => void } => {
          const told: Array<[number, number]> = [];
          tellings.push(told);
          return { onProgress: (done, total) => void told.push([done, total]) };
        };
        await door.groupFiles({ pids: [pid], ...telling() });
        await door.groupFiles({ pids: [], ...telling() });
        await door.findHolders({ pid, fd }, { pids: [pid, parent], ...telling() });
        await door.resolveEpoll(pid, efd, { pids: [], ...telling() });
        await door.findInherited(pid, { from: parent, ...telling() });
        await door.findInherited(pid, { from: pid, ...telling() });
        return tellings;
      },
      filter,
      process.pid,
    );
    for (const told of tellings) assertGoesOn(told);
  });
}
