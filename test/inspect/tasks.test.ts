/** taskSharing: who shares which of the six resources, and that nothing in common is never called sharing. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { compareTasks, type SharingVerdict, type TaskResource, type TaskSharing } from '../../src/index.ts';
import { startChild, type Child } from '../support/child.ts';
import { taskSharing } from '../support/door.ts';
import { CLONE_IO, CLONE_SYSVSEM, familyMissing, startFamily, type FamilyOptions } from '../support/family.ts';
import * as libc from '../support/libc.ts';
import { endLeader, numbersIn, startThread, startZombies, statOf, type Zombies } from '../support/scenes.ts';
import { needsRoot, ORDINARY } from '../support/user.ts';

const me = process.pid;
const RESOURCES: TaskResource[] = ['vm', 'files', 'fs', 'sighand', 'io', 'sysvsem'];
/** The four that a task always has, unless it is a zombie or a kernel thread. */
const FOUR: TaskResource[] = ['vm', 'files', 'fs', 'sighand'];

const verdict = async (a: number, b: number, resource: TaskResource): Promise<SharingVerdict> =>
  (await taskSharing([a, b])).resources[resource][0]?.verdict as SharingVerdict;
const verdicts = (a: number, b: number, resources: TaskResource[] = FOUR): Promise<SharingVerdict[]> =>
  Promise.all(resources.map((resource) => verdict(a, b, resource)));

let child: Child;
let other: Child;
before(async () => {
  [child, other] = (await Promise.all([startChild(), startChild()])) as [Child, Child];
});
after(async () => {
  await Promise.all([child.stop(), other.stop()]);
});

describe('the report', () => {
  test('has every pair once for each of the six resources, in the order given', async () => {
    const report = await taskSharing([other.pid, me, child.pid]);
    assert.deepEqual(report.tasks, [other.pid, me, child.pid]);
    assert.deepEqual(Object.keys(report.resources), RESOURCES);
    for (const pairs of Object.values(report.resources)) {
      assert.deepEqual(
        pairs.map(({ a, b }) => [a, b]),
        [
          [other.pid, me],
          [other.pid, child.pid],
          [me, child.pid],
        ],
      );
    }
  });

  test('has no pairs for one task or none, and takes an id that is given twice once', async () => {
    assert.deepEqual((await taskSharing([])).tasks, []);
    for (const report of [await taskSharing([me]), await taskSharing([me, me])]) {
      assert.deepEqual(report.tasks, [me]);
      assert.deepEqual(
        Object.values(report.resources),
        RESOURCES.map(() => []),
      );
    }
  });

  test('refuses bad ids as Node does', async () => {
    const bad = taskSharing as (ids: unknown) => Promise<TaskSharing>;
    const TYPE = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
    await assert.rejects(() => bad(undefined), TYPE);
    await assert.rejects(() => bad(1), TYPE);
    await assert.rejects(() => bad([`${me}`]), TYPE);
    await assert.rejects(() => bad([me, -1]), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
    await assert.rejects(() => bad([me, 0.5]), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
  });
});

describe('processes and threads', () => {
  test('two processes share none of the four', async () => {
    assert.deepEqual(await verdicts(me, child.pid), ['separate', 'separate', 'separate', 'separate']);
  });

  test('a thread shares all four with its process', async () => {
    const thread = await startThread(child);
    assert.deepEqual(await verdicts(child.pid, thread), ['shared', 'shared', 'shared', 'shared']);
    assert.deepEqual(await verdicts(me, thread), ['separate', 'separate', 'separate', 'separate']);
  });

  test('a thread that unshared its files, or its fs, shares the other three', async () => {
    const files = await startThread(child, libc.CLONE_FILES);
    const fs = await startThread(child, libc.CLONE_FS);
    assert.deepEqual(await verdicts(child.pid, files), ['shared', 'separate', 'shared', 'shared']);
    assert.deepEqual(await verdicts(child.pid, fs), ['shared', 'shared', 'separate', 'shared']);
    assert.deepEqual(await verdicts(files, fs), ['shared', 'separate', 'separate', 'shared']);
  });

  test('a pair with a task that does not exist is unknown with the code, and the other pairs are not', async () => {
    const { pid } = spawnSync('true');
    const { resources } = await taskSharing([me, pid, child.pid]);
    for (const [resource, [gone, pair, goneToo]] of Object.entries(resources)) {
      assert.deepEqual(
        [gone?.verdict, gone?.code, goneToo?.verdict, goneToo?.code],
        ['unknown', 'ESRCH', 'unknown', 'ESRCH'],
      );
      assert.notEqual(pair?.verdict, 'unknown', resource);
    }
  });

  test('a pair with a task that may not be inspected is unknown with EPERM, and the other pairs are not', {
    skip: needsRoot,
  }, async () => {
    const [observer, own] = (await Promise.all([startChild(ORDINARY), startChild(ORDINARY)])) as [Child, Child];
    const { resources } = await observer.run(
      ({ door }, ids: number[]) => door.taskSharing(ids),
      [observer.pid, me, own.pid],
    );
    await Promise.all([observer.stop(), own.stop()]);
    for (const resource of RESOURCES) {
      assert.deepEqual(
        resources[resource].map(({ code }) => code),
        ['EPERM', undefined, 'EPERM'],
      );
    }
    assert.deepEqual(
      FOUR.map((resource) => resources[resource][1]?.verdict),
      ['separate', 'separate', 'separate', 'separate'],
    );
  });
});

describe('zombies', () => {
  let zombies: Zombies;
  before(async () => {
    zombies = await startZombies();
  });
  after(() => zombies.stop());

  test('two of them have no address space, files and fs, which are not shared, although the kernel says equal', async () => {
    for (const resource of ['vm', 'files', 'fs'] as const) {
      assert.equal(compareTasks(...zombies.pids, resource), 0);
      assert.equal(await verdict(...zombies.pids, resource), 'none');
    }
  });

  test('two of them keep signal dispositions of their own', async () => {
    assert.equal(await verdict(...zombies.pids, 'sighand'), 'separate');
  });

  test('one of them and a living process share nothing', async () => {
    assert.deepEqual(await verdicts(zombies.pids[0], me), ['separate', 'separate', 'separate', 'separate']);
    assert.notEqual(await verdict(zombies.pids[0], me, 'io'), 'shared');
  });
});

test('a leader that has ended shares signal dispositions alone with its living threads', async () => {
  const leader = await startChild();
  const thread = await startThread(leader);
  const second = await startThread(leader);
  await endLeader(leader);
  const [ended, living] = [await verdicts(leader.pid, thread), await verdicts(thread, second)];
  await leader.stop();
  assert.deepEqual(ended, ['separate', 'separate', 'separate', 'shared']);
  assert.deepEqual(living, ['shared', 'shared', 'shared', 'shared']);
});

const PF_KTHREAD = 0x00200000;
const isKernelThread = (pid: number): boolean => {
  try {
    return (Number(statOf(pid)[6]) & PF_KTHREAD) !== 0 && compareTasks(pid, pid, 'vm') === 0;
  } catch {
    return false; // gone, or not to be inspected
  }
};
const kernelThreads = numbersIn('/proc')
  .filter((pid) => pid !== 1 && isKernelThread(pid))
  .slice(0, 2);

describe('kernel threads', { skip: kernelThreads.length < 2 && 'no two kernel threads that may be inspected' }, () => {
  const [first, second] = kernelThreads as [number, number];

  test('two of them have no address space, which is not shared, although the kernel says equal', async () => {
    assert.equal(compareTasks(first, second, 'vm'), 0);
    assert.equal(await verdict(first, second, 'vm'), 'none');
  });

  test('one of them and a process share nothing', async () => {
    assert.deepEqual(await verdicts(first, me), ['separate', 'separate', 'separate', 'separate']);
  });
});

describe('I/O contexts and undo lists', { skip: familyMissing }, () => {
  const between = async (resource: TaskResource, options: FamilyOptions): Promise<SharingVerdict> => {
    const family = await startFamily(options);
    const answer = await verdict(family.parent, family.child, resource);
    await family.stop();
    return answer;
  };

  for (const [resource, flag, step] of [
    ['io', CLONE_IO, 'i'],
    ['sysvsem', CLONE_SYSVSEM, 's'],
  ] as const) {
    test(`${resource}: of two processes that both have none it is not said that they share one`, async (t) => {
      const answer = await between(resource, {});
      // Some I/O schedulers give a context to whoever reads a disk, and the program was read from one.
      if (answer === 'separate' && resource === 'io') return t.skip('the I/O scheduler gave one of them a context');
      assert.equal(answer, 'shared-or-none');
    });
    test(`${resource}: two processes that share one may share it`, async () => {
      assert.equal(await between(resource, { flags: flag, parent: step }), 'shared-or-none');
    });
    test(`${resource}: two processes that have one each do not share it`, async () => {
      assert.equal(await between(resource, { parent: step, child: step }), 'separate');
    });
    test(`${resource}: one process that has one does not share it with one that has none`, async () => {
      assert.equal(await between(resource, { child: step }), 'separate');
    });
  }
});

test('a clone that shares the descriptor table alone shares files and nothing else', {
  skip: familyMissing,
}, async () => {
  const family = await startFamily({ flags: libc.CLONE_FILES });
  const found = await verdicts(family.parent, family.child);
  await family.stop();
  assert.deepEqual(found, ['separate', 'shared', 'separate', 'separate']);
});
