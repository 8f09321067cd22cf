/** Flips among a great many descriptions of one inode, as all have /dev/null: what holds still is told right all the while. */
import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { startChild } from '../support/child.ts';
import { findOpen, groupFiles } from '../support/door.ts';

const SCENE_MS = 3000;
const COUNT = 80;
const FLIPPING = 15;
/** So many that only those are compared with others which are asked about. */
const [CROWD, SHARED] = [120, 30];

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

test('of a process with many that holds still it is told who has which of them, beside flips', async () => {
  const fds = Array.from({ length: CROWD }, () => openSync('/dev/null', 'r'));
  await using still = await startChild({ fds });
  await using sharer = await startChild({ fds: fds.slice(0, SHARED) });
  await using mover = await startChild({ fds: fds.slice(0, 1) });
  for (const fd of fds) closeSync(fd);
  const [kept, moving] = await mover.run(({ libc, fs }) => {
    const own = Array.from({ length: 100 }, () => fs.openSync('/dev/null', 'r'));
    const moving = libc.dup(4);
    const flip = (): void => {
      for (let i = 0; i < 20; i++) libc.dup2(i % 2 === 0 ? (own[i] as number) : 4, moving);
      setImmediate(flip);
    };
    flip();
    return [4, moving] as const;
  });
  let scans = 0;
  for (const end = Date.now() + SCENE_MS; Date.now() < end; scans++) {
    const { files, coverage } = await findOpen(`${still.pid}`, { pids: [sharer.pid, mover.pid], parts: [] });
    /** By own descriptor: the others that have it. */
    const others = new Map<number, string[]>();
    for (const { holders } of files) {
      const own = holders.filter(({ pid, fd }) => pid === still.pid && fd >= 4 && fd < 4 + CROWD).map(({ fd }) => fd);
      for (const fd of own)
        others.set(
          fd,
          holders.filter(({ pid }) => pid !== still.pid).map(({ pid, fd }) => `${pid}:${fd}`),
        );
    }
    assert.equal(others.size, CROWD);
    const isUnseen = coverage.skipped.some(({ pid }) => pid === mover.pid);
    for (const [fd, found] of others) {
      const steady = found.filter((one) => one !== `${mover.pid}:${moving}`);
      const all = fd < 4 + SHARED ? [`${sharer.pid}:${fd}`] : [];
      const isMovers = fd === 4 && (steady.includes(`${mover.pid}:${kept}`) || !isUnseen);
      assert.deepEqual(steady.toSorted(), [...all, ...(isMovers ? [`${mover.pid}:${kept}`] : [])].toSorted());
      assert.ok(fd === 4 || steady.length === found.length, 'what moves is told of another');
    }
  }
  assert.ok(scans > 2);
});
