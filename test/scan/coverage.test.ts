/** Scans of every process, as the one who runs the tests and as an ordinary user: the coverage adds up. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Coverage, FileRef, GroupReport } from '../../src/index.ts';
import { Fds } from '../support/brute.ts';
import { startChild, type Child } from '../support/child.ts';
import { findHolders, groupFiles } from '../support/door.ts';
import { numbersIn, skippedOf } from '../support/scenes.ts';
import { needsRoot, NOBODY, ORDINARY } from '../support/user.ts';

const me = process.pid;
const fds = new Fds();
const [read] = fds.pipe();
let ordinary: Child;
let own: Child;

before(async () => {
  [own, ordinary] = (await Promise.all([startChild({ fds: [read] }), startChild({ ...ORDINARY, fds: [read] })])) as [
    Child,
    Child,
  ];
});
after(async () => {
  await Promise.all([own.stop(), ordinary.stop()]);
  fds.closeAll();
});

/** Processes seen plus processes skipped are all that were asked for. */
function assertAddsUp(coverage: Coverage, asked: number): void {
  assert.equal(coverage.processes + skippedOf(coverage, 'process'), asked);
  assert.ok(coverage.tasks >= coverage.processes);
  for (const { count, code, reason, pid } of coverage.skipped) {
    assert.ok(count > 0);
    assert.match(code, /^E[A-Z]+$/);
    assert.notEqual(reason, '');
    assert.ok(pid > 0);
  }
}

/** Every process that was there before and after is in a group, or skipped, or shares a table, or has no descriptor. */
function assertAccountsForAll(
  { groups, sharedTables, coverage }: GroupReport,
  lasting: number[],
  hasNone: (pid: number) => boolean,
): void {
  const seen = new Set([
    ...groups.flatMap(({ holders }) => holders.map(({ pid }) => pid)),
    ...sharedTables.flatMap(({ sharedWith }) => sharedWith),
    ...coverage.skipped.map(({ pid }) => pid),
  ]);
  assert.deepEqual(
    lasting.filter((pid) => !seen.has(pid) && !hasNone(pid)),
    [],
  );
}

const hasNone = (pid: number): boolean => {
  try {
    return numbersIn(`/proc/${pid}/fd`).length === 0;
  } catch {
    return true; // it has ended after all
  }
};

describe('a scan of every process, by whoever runs the tests', () => {
  test('sees or skips each process that /proc listed', async () => {
    const listed = numbersIn('/proc');
    assertAddsUp((await groupFiles({ pids: listed })).coverage, listed.length);
    assertAddsUp((await findHolders({ pid: me, fd: read }, { pids: listed })).coverage, listed.length);
  });

  test('covers everything by itself', async () => {
    const listed = new Set(numbersIn('/proc'));
    const report = await groupFiles({ minHolders: 1 });
    const lasting = numbersIn('/proc').filter((pid) => listed.has(pid));
    assertAccountsForAll(report, lasting, hasNone);
    const { holders, coverage } = await findHolders({ pid: me, fd: read });
    const looked = coverage.processes + skippedOf(coverage, 'process');
    assert.ok(looked >= lasting.length && looked <= listed.size + 50, `${looked} of ${lasting.length}`);
    for (const { pid } of [own, ordinary]) assert.ok(holders.some((holder) => holder.pid === pid && holder.fd === 4));
  });

  test('sees each descriptor that is in a group, and skips the others', async () => {
    const pids = [own.pid, ordinary.pid];
    const { groups, coverage } = await groupFiles({ pids, minHolders: 1 });
    assert.equal(
      groups.flatMap(({ holders }) => holders).length + skippedOf(coverage, 'descriptor'),
      coverage.descriptors,
    );
    assert.equal(coverage.descriptors, pids.flatMap((pid) => numbersIn(`/proc/${pid}/fd`)).length);
  });
});

describe('a scan of every process by an ordinary user', () => {
  const scan = (): Promise<{ report: GroupReport; listed: number[]; lasting: number[]; empty: number[] }> =>
    ordinary.run(async ({ fs, door }) => {
      const numbersIn = (path: string): number[] =>
        fs
          .readdirSync(path)
          .filter((name) => /^\d+$/.test(name))
          .map(Number);
      const listed = numbersIn('/proc');
      const report = await door.groupFiles({ pids: listed, minHolders: 1 });
      const after = new Set(numbersIn('/proc'));
      const lasting = listed.filter((pid) => after.has(pid));
      const empty = lasting.filter((pid) => {
        try {
          return numbersIn(`/proc/${pid}/fd`).length === 0;
        } catch {
          return false;
        }
      });
      return { report, listed, lasting, empty };
    });

  test('sees or skips each process that /proc listed, and says why', async () => {
    const { report, listed, lasting, empty } = await scan();
    assertAddsUp(report.coverage, listed.length);
    assertAccountsForAll(report, lasting, (pid) => empty.includes(pid) || hasNone(pid));
    assert.ok(report.coverage.processes >= 1);
  });

  test('skips the processes of root, and still finds its own descriptors', { skip: needsRoot }, async () => {
    const { report } = await scan();
    const refused = report.coverage.skipped.filter(({ pid }) => pid === me || pid === own.pid);
    assert.deepEqual(
      refused.map(({ unit, count }) => ({ unit, count })),
      [
        { unit: 'process', count: 1 },
        { unit: 'process', count: 1 },
      ],
    );
    assert.ok(refused.every(({ code }) => code === 'EACCES' || code === 'EPERM'));
    const mine = report.groups.flatMap(({ holders }) => holders);
    assert.ok(mine.some(({ pid, fd }) => pid === ordinary.pid && fd === 4));
    assert.equal(
      mine.some(({ pid }) => pid === me),
      false,
    );
  });

  test('says nobody else only together with whom it could not ask', { skip: needsRoot }, async () => {
    const { holders, coverage } = await ordinary.run(
      ({ door }, pids: number[]) => door.findHolders({ pid: process.pid, fd: 4 }, { pids }),
      [me, own.pid, ordinary.pid],
    );
    assert.deepEqual(
      holders.map(({ pid, fd }): FileRef => ({ pid, fd })),
      [{ pid: ordinary.pid, fd: 4 }],
    );
    assert.equal(coverage.processes, 1);
    assert.equal(skippedOf(coverage, 'process'), 2);
  });

  test('may not ask about a descriptor of root', { skip: needsRoot }, async () => {
    const asked = ordinary.run(({ door }, pid: number, fd: number) => door.findHolders({ pid, fd }), me, read);
    await assert.rejects(asked, ({ code }: NodeJS.ErrnoException) => code === 'EACCES' || code === 'EPERM');
  });
});

/** CAP_DAC_READ_SEARCH lists another user's descriptors, but without CAP_SYS_PTRACE nothing shows what they are: a container's root. */
describe('root that may list descriptors and not look at them', { skip: needsRoot }, () => {
  const WITHOUT_PTRACE = ['setpriv', '--bounding-set=-sys_ptrace', '--inh-caps=-sys_ptrace'];
  let subject: Child;
  let efd: number;
  before(async () => {
    subject = await startChild({ ...ORDINARY, fds: [read] });
    efd = await subject.run(({ libc }) => libc.epollCreate());
  });
  after(() => subject.stop());

  for (const filtered of [false, true]) {
    test(`is never told that there is nothing${filtered ? ', also under a filter' : ''}`, async () => {
      await using observer = await startChild({ wrapper: WITHOUT_PTRACE });
      const answers = await observer.run(
        async ({ kcmp, door, fs, seccomp }, filtered: boolean, pid: number, efd: number, other: number) => {
          if (filtered) seccomp.refuseKcmp('EPERM');
          const codeOf = async (ask: () => unknown): Promise<unknown> => {
            try {
              return await ask();
            } catch (error) {
              return (error as NodeJS.ErrnoException).code;
            }
          };
          return {
            listed: fs.readdirSync(`/proc/${pid}/fd`).length > efd,
            errors: await Promise.all(
              [
                () => kcmp.listEpolls(pid),
                () => kcmp.readEpoll(pid, efd),
                () => door.resolveEpoll(pid, efd),
                () => door.findInherited(pid, { from: other }),
                () => door.findHolders({ pid, fd: 4 }),
              ].map(codeOf),
            ),
            groups: await door.groupFiles({ pids: [pid, other] }),
          };
        },
        filtered,
        subject.pid,
        efd,
        ordinary.pid,
      );
      assert.equal(answers.listed, true);
      assert.deepEqual(answers.errors, ['EACCES', 'EACCES', 'EACCES', 'EACCES', 'EACCES']);
      const { groups, coverage } = answers.groups;
      assert.deepEqual([groups, coverage.processes], [[], 0]);
      assert.deepEqual(
        coverage.skipped.map(({ pid, code, unit, reason }) => [pid, code, unit, reason]),
        [subject.pid, ordinary.pid].map((pid) => [pid, 'EACCES', 'process', `another user's (uid ${NOBODY})`]),
      );
    });
  }
});
