/**
 * Scans in a storm: for several seconds descriptors flip between files of one inode, threads with tables of their own
 * and processes come and go, while groups, holders and leaks are looked for. Whatever is said about the descriptors
 * that did not change must be true, each time.
 */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { sameFile, type Coverage, type FileRef } from '../../src/index.ts';
import { Fds } from '../support/brute.ts';
import { startChild, type Child } from '../support/child.ts';
import { findHolders, findInherited, groupFiles, taskSharing } from '../support/door.ts';

const me = process.pid;
const DURATION_MS = 1500; // of each scan's storm
const FIRST = 4;
const FLIPPING = 300;

/** All processes of the storm have these from 4 up, and never change those; flips go on under other numbers. */
const fds = new Fds();
const given = [
  ...Array.from({ length: 30 }, () => fds.eventfd()),
  ...Array.from({ length: 5 }, () => fds.pipe()).flat(),
];
const steadyNumbers = given.map((_, i) => FIRST + i);
let steady: Child[];
let flipper: Child;
let spawner: Child;
let descriptors: FileRef[];
let expected: Map<string, string>;

const keyOf = ({ pid, fd }: FileRef): string => `${pid}:${fd}`;
/** All descriptors that were given the same file. */
const alike = (file: FileRef): string[] =>
  descriptors.map(keyOf).filter((key) => expected.get(key) === expected.get(keyOf(file)));

/** Flips FLIPPING numbers between the given files, closes some, forever; yields so that it can be stopped. */
function flipForever(child: Child): Promise<void> {
  return child.run(
    ({ libc }, first: number, count: number, flipping: number) => {
      let n = 0;
      const flip = (): void => {
        for (let i = 0; i < 500; i++) {
          const to = 100 + ((n++ * 7) % flipping);
          libc.dup2(first + ((n * 13) % count), to);
          if (n % 5 === 0) libc.close(to);
        }
        setImmediate(flip);
      };
      setImmediate(flip);
    },
    FIRST,
    given.length,
    FLIPPING,
  );
}

/** Starts processes that end at once, and threads with tables of their own, forever. */
function spawnForever(child: Child): Promise<void> {
  return child.run(
    async ({ childProcess, workerThreads }, libcModule: string, tsx: string) => {
      const spawn = (): void => void childProcess.spawn('true', { stdio: 'ignore' }).on('close', spawn);
      for (let i = 0; i < 4; i++) spawn();
      const source = `import(${JSON.stringify(tsx)}).then(async ({ register }) => {
      register();
      const { unshare, CLONE_FILES } = await import(${JSON.stringify(libcModule)});
      unshare(CLONE_FILES);
    })`;
      const thread = (): void => void new workerThreads.Worker(source, { eval: true }).on('exit', thread);
      thread();
    },
    new URL('../support/libc.ts', import.meta.url).href,
    import.meta.resolve('tsx/esm/api'),
  );
}

before(async () => {
  const start = (): Promise<Child> => startChild({ fds: given });
  [flipper, spawner, ...steady] = (await Promise.all([1, 2, 3, 4].map(start))) as [Child, Child, ...Child[]];
  descriptors = [
    ...given.map((fd) => ({ pid: me, fd })),
    ...[flipper, spawner, ...steady].flatMap(({ pid }) => steadyNumbers.map((fd) => ({ pid, fd }))),
  ];
  // What is true: all that were given the same file share it, and no two of those files are one.
  expected = new Map(
    descriptors.map((file) => [keyOf(file), keyOf(descriptors.find((first) => sameFile(first, file)) as FileRef)]),
  );
  assert.equal(new Set(expected.values()).size, given.length);
  await Promise.all([flipForever(flipper), spawnForever(spawner)]);
});
after(async () => {
  await Promise.all([flipper, spawner, ...steady].map((child) => child?.stop()));
  fds.closeAll();
});

/** The processes of the scene, with whatever the spawner has at this moment, and some that are gone. */
function processesNow(): number[] {
  const fleeting = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > spawner.pid);
  return [...new Set([me, flipper.pid, spawner.pid, ...steady.map(({ pid }) => pid), ...fleeting])];
}

function assertAddsUp({ processes, skipped }: Coverage, asked: number): void {
  const lost = skipped.reduce((sum, { unit, count }) => sum + (unit === 'process' ? count : 0), 0);
  assert.equal(processes + lost, asked);
}

/** Does it again and again, and lets the children's messages in between. */
async function during(scan: (pids: number[]) => Promise<void>): Promise<number> {
  let times = 0;
  for (const end = Date.now() + DURATION_MS; Date.now() < end || times < 3; times++) {
    await scan(processesNow());
    await turn();
  }
  return times;
}

/**
 * One in how many may be lost, which is less than what moves: a machine so slow that it hardly scans sees more of them
 * change in each scan, and one that stands still for a moment loses many at once.
 */
const share = (times: number): number => (times < 30 ? 5 : 40);

test('every group is true of the descriptors that did not change, and what is in no group is counted as skipped', async (t) => {
  const lost: FileRef[] = [];
  const told = new Map<number, number>();
  const times = await during(async (pids) => {
    const { groups, coverage } = await groupFiles({ pids, minHolders: 1 });
    assertAddsUp(coverage, pids.length);
    const found = new Map(groups.flatMap(({ holders }) => holders.map((file) => [keyOf(file), holders] as const)));
    for (const file of descriptors) {
      const group = found.get(keyOf(file));
      if (group === undefined) lost.push(file);
      else
        assert.deepEqual(
          new Set(group.map(keyOf).filter((key) => expected.has(key))),
          new Set(alike(file).filter((key) => found.has(key))),
          `the group of ${keyOf(file)}`,
        );
    }
    // Of what seems never to hold still nothing is claimed; but that is said.
    for (const { pid, code, count } of coverage.skipped)
      if (code === 'EAGAIN') told.set(pid, (told.get(pid) ?? 0) + count);
  });
  t.diagnostic(`${times} times ${descriptors.length} descriptors, of which ${lost.length} could not be told`);
  assert.ok(
    lost.length * share(times) < times * descriptors.length,
    `${lost.length} of ${times * descriptors.length}, ${times} times`,
  );
  for (const pid of new Set(lost.map(({ pid }) => pid)))
    assert.ok((told.get(pid) ?? 0) >= lost.filter((file) => file.pid === pid).length, `${pid} lost more than was told`);
});

test('no descriptor is in two groups, and none twice in one', async () => {
  await during(async (pids) => {
    const keys = (await groupFiles({ pids, minHolders: 1 })).groups.flatMap(({ holders }) => holders.map(keyOf));
    assert.equal(new Set(keys).size, keys.length);
  });
});

test('every descriptor that did not change is found as a holder, and no other one of these', async () => {
  let next = 0;
  await during(async (pids) => {
    const asked = descriptors[next++ % given.length] as FileRef;
    const { holders, sameInode, coverage } = await findHolders(asked, { pids });
    assertAddsUp(coverage, pids.length);
    const truth = alike(asked);
    assert.deepEqual(new Set(holders.map(keyOf).filter((key) => expected.has(key))), new Set(truth));
    assert.equal(
      sameInode.some((file) => truth.includes(keyOf(file))),
      false,
    );
  });
});

test('what a process inherited is true whatever it does with its other descriptors, and what is missing is counted', async (t) => {
  let lost = 0;
  const times = await during(async () => {
    const { inherited, coverage } = await findInherited(flipper.pid);
    const from = new Map(inherited.map((file) => [file.fd, file.from.fd]));
    const missing = steadyNumbers.filter((fd) => !from.has(fd));
    for (const [i, fd] of given.entries()) assert.equal(from.get(FIRST + i) ?? fd, fd);
    const told = coverage.skipped.reduce((sum, { code, count }) => sum + (code === 'EAGAIN' ? count : 0), 0);
    assert.ok(missing.length <= told, JSON.stringify({ missing, skipped: coverage.skipped }));
    lost += missing.length;
  });
  t.diagnostic(`${times} times ${given.length} descriptors, of which ${lost} could not be told`);
  assert.ok(lost * 20 < times * given.length, `${lost} of ${times * given.length} were lost`);
});

test('tasks that end meanwhile are unknown or separate, and the others are told apart as ever', async () => {
  await during(async (pids) => {
    const { tasks, resources } = await taskSharing(pids);
    assert.equal(resources.vm.length, (tasks.length * (tasks.length - 1)) / 2);
    const lasting = new Set([me, flipper.pid, spawner.pid]);
    for (const { a, b, verdict } of [...resources.vm, ...resources.files]) {
      if (lasting.has(a) && lasting.has(b)) assert.equal(verdict, 'separate');
      else if (lasting.has(a) || lasting.has(b)) assert.match(verdict, /^(separate|unknown)$/);
    }
  });
});

test('among hundreds of descriptors of one inode the few that change take no others with them', async (t) => {
  await using child = await startChild();
  const pairs = await child.run(
    ({ fs, libc }, count: number, flipping: number) => {
      const pairs = Array.from({ length: count }, () => {
        const fd = fs.openSync('/dev/null', 'r');
        return [fd, libc.dup(fd)] as const;
      });
      const moving = Array.from({ length: flipping }, () => libc.dup(0));
      let n = 0;
      const flip = (): void => {
        for (let i = 0; i < 20; i++, n++) libc.dup2(pairs[(n * 13) % count]?.[0] ?? 0, moving[n % flipping] as number);
        setTimeout(flip, 1);
      };
      flip();
      return pairs;
    },
    200,
    20,
  );
  let lost = 0;
  const times = await during(async () => {
    const { groups, coverage } = await groupFiles({ pids: [child.pid], minHolders: 1 });
    const groupOf = new Map(groups.flatMap(({ id, holders }) => holders.map(({ fd }) => [fd, id] as const)));
    const missing = pairs.flat().filter((fd) => !groupOf.has(fd)).length;
    assert.ok(missing <= coverage.skipped.reduce((sum, { count }) => sum + count, 0), 'what is missing is counted');
    const ids = pairs
      .map(([a, b]) => {
        if (groupOf.has(a) && groupOf.has(b)) assert.equal(groupOf.get(a), groupOf.get(b), `${a} and ${b}`);
        return groupOf.get(a) ?? groupOf.get(b);
      })
      .filter((id) => id !== undefined);
    assert.equal(new Set(ids).size, ids.length, 'no two are one');
    lost += missing;
  });
  t.diagnostic(`${times} times ${2 * pairs.length} descriptors, of which ${lost} could not be told`);
  assert.ok(lost * share(times) < times * 2 * pairs.length);
});
