/** Flips among a great many descriptions of one inode, as all have /dev/null: what holds still is told right all the while. */
import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { startChild } from '../support/child.ts';
import { groupFiles } from '../support/door.ts';

const SCENE_MS = 3000;
const COUNT = 80;
const FLIPPING = 15;

for (const [name, pauseMs] of [
  ['at full speed', 0],
  ['each millisecond', 1],
] as const)
  test(`of ${COUNT} descriptions that two have each none is two groups and no two are one, beside flips ${name}`, async () => {
    const fds = Array.from({ length: COUNT }, () => openSync('/dev/null', 'r'));
    await using still = await startChild({ fds });
    await using mover = await startChild({ fds: fds.slice(0, COUNT / 4) });
    for (const fd of fds) closeSync(fd);
    const twins = await still.run(({ libc }, count) => {
      const own = Array.from({ length: count }, (_, i) => 4 + i);
      return own.map((fd) => [fd, libc.dup(fd)] as const);
    }, COUNT);
    await mover.run(
      ({ libc }, from, flipping, pauseMs) => {
        const moving = Array.from({ length: flipping }, () => libc.dup(4));
        let n = 1;
        const flip = (): void => {
          for (let i = 0; i < 20; i++) {
            n = (Math.imul(n, 1103515245) + 12345) & 0x7fffffff;
            libc.dup2(4 + ((n >> 16) % from), moving[(n >> 9) % flipping] as number);
          }
          if (pauseMs === 0) setImmediate(flip);
          else setTimeout(flip, pauseMs);
        };
        flip();
      },
      COUNT / 4,
      FLIPPING,
      pauseMs,
    );
    let [scans, lost] = [0, 0];
    for (const end = Date.now() + SCENE_MS; Date.now() < end; scans++) {
      const { groups, coverage } = await groupFiles({ pids: [still.pid, mover.pid], minHolders: 1 });
      const idOf = new Map<number, number>();
      for (const { id, holders } of groups) for (const { pid, fd } of holders) if (pid === still.pid) idOf.set(fd, id);
      const told = coverage.skipped.reduce((sum, { pid, count }) => sum + (pid === still.pid ? count : 0), 0);
      const ids = twins.map((pair) => new Set(pair.map((fd) => idOf.get(fd)).filter((id) => id !== undefined)));
      assert.ok(
        ids.every(({ size }) => size <= 1),
        'one description is two groups',
      );
      const known = ids.flatMap((set) => [...set]);
      assert.equal(new Set(known).size, known.length, 'two descriptions are one group');
      const missing = twins.flat().filter((fd) => !idOf.has(fd)).length;
      assert.ok(missing <= told, `${missing} are missing, ${told} were told`);
      lost += missing;
    }
    assert.ok(lost <= (0.01 * scans + 1) * 2 * COUNT, `${lost} of ${scans * 2 * COUNT} were lost in ${scans} scans`);
  });
