/**
 * Random scenes that hold still, of descriptors of some forty kinds in a few processes, against the truth found by
 * brute force: for root and an ordinary user, with and without a filter on kcmp(2).
 */
import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FileRef } from '../../../src/index.ts';
import { type Child, type ChildOptions, startChild } from '../../support/child.ts';
import { Random, SEED } from '../../support/random.ts';
import { isRoot, ORDINARY } from '../../support/user.ts';
import type { Questions } from './build.ts';
import { Judge } from './judge.ts';
import { OPENERS } from './openers.ts';
import { type Scene, startScene, within } from './scene.ts';
import { listing, Truth } from './truth.ts';

/** How much is compared. */
export interface Extent {
  /** Whose the processes of each scene are. */
  scenes: ReadonlyArray<readonly ChildOptions[]>;
  /** So many files are asked about one by one. */
  files: number;
  pairs: number;
}

interface Asker {
  name: string;
  options: ChildOptions;
  filter?: 'EPERM' | 'ENOSYS';
}
const ASKERS: readonly Asker[] = [
  ...(isRoot
    ? [
        { name: 'root', options: {} },
        { name: 'root under a filter', options: {}, filter: 'EPERM' as const },
      ]
    : []),
  { name: 'an ordinary user', options: ORDINARY },
  { name: 'an ordinary user under a filter', options: ORDINARY, filter: 'ENOSYS' },
];
/** Everything of the scene that is asked about; chosen at random where it is too much. */
function questions(random: Random, { children, built }: Scene, truth: Truth, { files, pairs }: Extent): Questions {
  const pids = children.map(({ pid }) => pid);
  const all: FileRef[] = [...truth.files.values()].map(({ pid, fd }) => ({ pid, fd }));
  const shared = [...truth.holders.values()].filter(({ length }) => length > 1);
  return {
    pids,
    files: Array.from({ length: files }, () => random.pick(all)),
    epolls: pids.flatMap((pid, i) => (built[i]?.epolls ?? []).map((fd) => ({ pid, fd }))),
    pairs: Array.from({ length: pairs }, (_, i) => {
      const among = i % 2 === 0 ? all : random.pick(shared).map(({ pid, fd }) => ({ pid, fd }));
      return [random.pick(among), random.pick(among)];
    }),
    families: pids.flatMap((pid) => pids.filter((from) => from !== pid).map((from): [number, number] => [pid, from])),
  };
}

/** Asks everybody everything; what is wrong? */
async function judged(
  t: TestContext,
  random: Random,
  scene: Scene,
  options: readonly ChildOptions[],
  extent: Extent,
): Promise<string[]> {
  const pids = scene.children.map(({ pid }) => pid);
  const truth = new Truth(pids);
  const kinds = new Map(
    scene.built.flatMap((built, i) => [...built.kinds].map(([fd, kind]) => [`${pids[i]}:${fd}`, kind] as const)),
  );
  t.diagnostic(`${truth.files.size} descriptors of ${truth.holders.size} files, ${new Set(kinds.values()).size} kinds`);
  const asked = questions(random, scene, truth, extent);
  const wrong: string[] = [];
  for (const [j, { name, options: own, filter }] of ASKERS.entries()) {
    const isForeign = own.uid !== undefined && options.some(({ uid }) => uid !== own.uid);
    const judge = new Judge(truth, kinds, isForeign || filter !== undefined);
    judge.all(asked, await within(askers[j] as Child, 'askAll', asked));
    wrong.push(...judge.wrong.map((text) => `${name}: ${text}`));
  }
  return wrong;
}

/** Does it again when something was opened or closed meanwhile, as Node does at times. */
async function whileStill<T>({ children }: Scene, run: () => Promise<T>): Promise<T> {
  const pids = children.map(({ pid }) => pid);
  for (let time = 1; ; time++) {
    const before = listing(pids);
    const [outcome] = await Promise.allSettled([run()]);
    if (time === 10 || listing(pids) === before) {
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    }
    await sleep(100);
  }
}

let askers: Child[] = [];

/** The tests of a file that compares so much. */
export function compareScenes(extent: Extent): void {
  before(async () => {
    askers = await Promise.all(
      ASKERS.map(async ({ options, filter }) => {
        const child = await startChild(options);
        if (filter !== undefined)
          await child.run(({ seccomp }, code: typeof filter) => seccomp.refuseKcmp(code), filter);
        return child;
      }),
    );
  });
  after(() => Promise.all(askers.map((child) => child.stop())));

  for (const [i, options] of extent.scenes.entries()) {
    const seed = (SEED + i) >>> 0;
    test(`every answer about random scene ${i + 1} is the truth`, async (t) => {
      t.diagnostic(`seed ${seed}; KCMP_SEED=${SEED} repeats it`);
      const random = new Random(seed);
      const scene = await startScene(random, options);
      try {
        const wrong = await whileStill(scene, () => judged(t, random, scene, options, extent));
        assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} wrong answers`);
      } finally {
        await Promise.all(scene.children.map((child) => child.stop()));
        scene.fds.closeAll();
      }
    });
  }

  test('there are forty kinds', () => {
    assert.ok(OPENERS.length >= 40);
  });
}
