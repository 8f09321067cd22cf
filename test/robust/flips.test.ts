/** Descriptors that flip between the two ends of one pipe; the ends that nobody touches are told right all the while. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Child, startChild } from '../support/child.ts';
import { groupFiles, resolveEpoll } from '../support/door.ts';

const SCENE_MS = 4000;
const STILL = 5;
const FLIPPING = 15;

interface Scene {
  /** By end: descriptors that stay it. */
  ends: number[][];
  efd: number;
  /** By end: the closed number under which the instance watches it. */
  tfds: number[];
}

let child: Child;
let scene: Scene;
before(async () => {
  child = await startChild();
  scene = await child.run(
    ({ libc }, still: number, flipping: number) => {
      const pipe = libc.pipe();
      const efd = libc.epollCreate();
      const ends = pipe.map((fd) => [fd, ...Array.from({ length: still - 1 }, () => libc.dup(fd))]);
      const tfds = pipe.map((fd, i) => {
        const tfd = libc.dup(fd);
        libc.epollCtl(efd, libc.EPOLL_CTL_ADD, tfd, i === 0 ? 1 : 4);
        libc.close(tfd);
        libc.eventfd(); // takes the number
        return tfd;
      });
      const moving = Array.from({ length: flipping }, () => libc.dup(pipe[0]));
      let n = 0;
      const flip = (): void => {
        for (let i = 0; i < 200; i++) {
          n = (Math.imul(n, 1103515245) + 12345) & 0x7fffffff;
          libc.dup2(pipe[(n >> 16) & 1] as number, moving[(n >> 17) % flipping] as number);
        }
        setImmediate(flip);
      };
      setImmediate(flip);
      return { ends, efd, tfds };
    },
    STILL,
    FLIPPING,
  );
});
after(() => child.stop());

/** Asks until the time is over; between two questions this process does something else. */
async function repeat(ask: () => Promise<void>): Promise<void> {
  for (const end = Date.now() + SCENE_MS; Date.now() < end; ) {
    await ask();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('groupFiles keeps the ends apart and each together, and tells what it loses', async () => {
  let [scans, lost] = [0, 0];
  await repeat(async () => {
    const { groups, coverage } = await groupFiles({ pids: [child.pid], minHolders: 1 });
    const idOf = new Map(groups.flatMap(({ id, holders }) => holders.map(({ fd }) => [fd, id] as const)));
    const [read, write] = scene.ends.map(
      (fds) => new Set(fds.map((fd) => idOf.get(fd)).filter((id) => id !== undefined)),
    );
    assert.ok(read !== undefined && write !== undefined);
    assert.ok(read.size <= 1 && write.size <= 1, 'one end is two groups');
    assert.ok(![...read].some((id) => write.has(id)), 'two ends are one group');
    const missing = scene.ends.flat().filter((fd) => !idOf.has(fd)).length;
    const told = coverage.skipped.reduce((sum, { code, count }) => sum + (code === 'EAGAIN' ? count : 0), 0);
    assert.ok(missing <= told, `${missing} are missing, ${told} were told`);
    lost += missing;
    scans++;
  });
  // One scan in a hundred, and one more where there is time for no more than that.
  assert.ok(lost <= (0.01 * scans + 1) * 2 * STILL, `${lost} of ${scans * 2 * STILL} were lost`);
});

test('resolveEpoll gives each target the descriptors of its own end, and none of the other', async () => {
  await repeat(async () => {
    const { targets, coverage } = await resolveEpoll(child.pid, scene.efd, { pids: [child.pid] });
    const told = coverage.skipped.reduce((sum, { count }) => sum + count, 0);
    for (const [i, tfd] of scene.tfds.entries()) {
      const held = new Set(
        targets.filter((target) => target.tfd === tfd).flatMap(({ holders }) => holders.map(({ fd }) => fd)),
      );
      assert.ok(!(scene.ends[1 - i] as number[]).some((fd) => held.has(fd)), 'a descriptor of the other end');
      const missing = (scene.ends[i] as number[]).filter((fd) => !held.has(fd)).length;
      assert.ok(missing <= told, `${missing} are missing, ${told} were told`);
    }
  });
});

test('two opens of a file that nobody touches are not one, beside one that is both by turns', async () => {
  await using flipper = await startChild();
  const [low, ...still] = await flipper.run(({ fs, libc }) => {
    const low = fs.openSync('/etc/passwd', 'r');
    return [
      low,
      ...['/etc/passwd', '/etc/passwd'].map((path) => libc.dup2(fs.openSync(path, 'r'), low + 40 + libc.eventfd())),
    ];
  });
  const flipping = flipper.run(
    ({ libc }, low, still, ms) => {
      for (const end = Date.now() + ms; Date.now() < end; )
        for (let n = 0; n < 1000; n++) libc.dup2(still[n % 2] as number, low);
    },
    low as number,
    still,
    SCENE_MS,
  );
  for (const end = Date.now() + SCENE_MS; Date.now() < end; ) {
    const { groups } = await groupFiles({ pids: [flipper.pid] });
    const one = groups.find(({ holders }) => still.every((fd) => holders.some((holder) => holder.fd === fd)));
    assert.equal(one, undefined);
  }
  await flipping;
});
