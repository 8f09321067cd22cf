/** Limits of the machine and of the sandbox: few descriptors for oneself, very many in another, and a /proc that is not there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { parseEpollItems } from '../../src/procfs/epoll-items.ts';
import { Fds } from '../support/brute.ts';
import { startChild, type Child } from '../support/child.ts';
import { findHolders, groupFiles } from '../support/door.ts';
import { AS_NOBODY, needsRoot, works } from '../support/user.ts';
import { kcmpProcess } from '../cli/command.ts';

/** Lowers the child's own soft limit once Node has opened what it needs: those that are open stay usable. */
const underLimit = (limit: number | 'one spare'): Promise<Record<string, unknown>> =>
  startChild().then(async (child) => {
    try {
      return await child.run(async ({ kcmp, door, libc, childProcess }, limit: number | 'one spare') => {
        const { pid } = process;
        const fd = libc.eventfd();
        const copy = libc.dup(fd);
        for (let i = 0; i < 40; i++) libc.eventfd(); // so many are told apart by their ids, if these can be read
        const efd = libc.epollCreate();
        libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
        await door.groupFiles({ pids: [pid] }); // the first call loads koffi, which needs a descriptor
        const free = libc.dup(fd);
        libc.close(free);
        const { status } = childProcess.spawnSync('prlimit', [
          `--pid=${pid}`,
          `--nofile=${limit === 'one spare' ? free + 1 : limit}:`,
        ]);
        const outcome = async (
          run: () => Promise<{ coverage: { skipped: unknown[] } }>,
          found: (report: any) => unknown,
        ): Promise<unknown> => {
          try {
            const report = await run();
            return found(report) ?? report.coverage.skipped.length;
          } catch (error) {
            return (error as NodeJS.ErrnoException).code;
          }
        };
        const fds = (holders: Array<{ fd: number }> | undefined): string | undefined =>
          holders?.some((holder) => holder.fd === fd) && holders.some((holder) => holder.fd === copy)
            ? 'found'
            : undefined;
        return {
          status,
          same: kcmp.sameFile({ pid, fd }, { pid, fd: copy }),
          groups: await outcome(
            () => door.groupFiles({ pids: [pid] }),
            ({ groups }) => fds(groups.flatMap((group: any) => group.holders)),
          ),
          holders: await outcome(
            () => door.findHolders({ pid, fd }, { pids: [pid] }),
            ({ holders }) => fds(holders),
          ),
          targets: await outcome(
            () => door.resolveEpoll(pid, efd, { pids: [pid] }),
            ({ targets }) => (targets[0]?.status === 'live' ? 'found' : undefined),
          ),
        };
      }, limit);
    } finally {
      await child.stop();
    }
  });

const noPrlimit = spawnSync('prlimit', ['--version']).status === 0 ? false : 'prlimit is not installed';

test('one spare descriptor of its own is enough for every inspector', { skip: noPrlimit }, async () => {
  assert.deepEqual(await underLimit('one spare'), {
    status: 0,
    same: true,
    groups: 'found',
    holders: 'found',
    targets: 'found',
  });
});

test('with a limit of 16 and no spare descriptor, comparing works and scanning says that it could not look', {
  skip: noPrlimit,
}, async () => {
  const { same, ...answers } = await underLimit(16);
  assert.equal(same, true);
  for (const [name, said] of Object.entries(answers)) {
    if (name !== 'status') assert.ok(typeof said === 'string' || (said as number) > 0, `${name}: ${said}`);
  }
});

const NO_PROC = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh'];
const OTHER_PROC = ['unshare', '--pid', '--fork', '--kill-child'];
const HIDEPID = [
  'unshare',
  '--mount',
  'sh',
  '-c',
  'mount -t proc -o hidepid=2 proc /proc && exec "$@"',
  'sh',
  ...AS_NOBODY,
];
const cannot = (wrapper: string[]): string | false =>
  needsRoot || (!works(wrapper) && 'namespaces are not allowed here');

for (const [what, wrapper] of [
  ['is not mounted', NO_PROC],
  ["is another pid namespace's", OTHER_PROC],
] as const) {
  describe(`where /proc ${what}`, { skip: cannot(wrapper) }, () => {
    test('every inspector that needs it throws ERR_PROC_UNAVAILABLE', async () => {
      await using child = await startChild({ wrapper: [...wrapper] });
      const codes = await child.run(({ kcmp, door, libc }) => {
        const { pid } = process;
        const efd = libc.epollCreate();
        const questions = [
          () => door.groupFiles(),
          () => door.findHolders({ pid, fd: efd }),
          () => door.resolveEpoll(pid, efd),
          () => kcmp.listEpolls(pid),
          () => kcmp.readEpoll(pid, efd),
          () => door.findInherited(pid),
          () => door.taskSharing([pid]),
        ];
        return Promise.all(
          questions.map(async (ask) => {
            try {
              return await ask();
            } catch (error) {
              return (error as NodeJS.ErrnoException).code;
            }
          }),
        );
      });
      assert.deepEqual(
        codes,
        Array.from({ length: 7 }, () => 'ERR_PROC_UNAVAILABLE'),
      );
    });

    test('the command says so and is 2', () => {
      const { code, out, err } = kcmpProcess(['groups'], [...wrapper]);
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, /^kcmp: .*\/proc/);
    });
  });
}

test('behind hidepid, processes that cannot be seen are counted as refused', { skip: cannot(HIDEPID) }, async () => {
  await using child = await startChild({ wrapper: HIDEPID });
  const { pid } = process;
  const { skipped } = await child.run(
    async ({ door }, pid: number) => (await door.groupFiles({ pids: [process.pid, pid] })).coverage,
    pid,
  );
  assert.deepEqual(
    skipped.map(({ pid, code, unit }) => [pid, code, unit]),
    [[pid, 'EPERM', 'process']],
  );
  assert.equal(kcmpProcess(['who', `${pid}:0`], HIDEPID).code, 2);
});

test('a hundred thousand descriptors, or all that ten processes may have, are grouped and searched', async (t) => {
  const fds = new Fds();
  const [one, other] = [fds.eventfd(), fds.eventfd()];
  const children: Child[] = [];
  t.after(async () => {
    await Promise.all(children.map((child) => child.stop()));
    fds.closeAll();
  });
  let count = 0;
  while (count < 100_000 && children.length < 10) {
    const child = await startChild({ fds: [one, other] });
    children.push(child);
    count += await child.run(({ libc, childProcess, fs }, wanted: number) => {
      childProcess.spawnSync('prlimit', [`--pid=${process.pid}`, '--nofile=100100:100100']);
      const limit = Number(/Max open files +(\d+)/.exec(fs.readFileSync('/proc/self/limits', 'utf8'))?.[1]);
      const count = Math.min(wanted, limit - 100) & ~1;
      for (let i = 2; i < count; i++) libc.dup(4 + (i % 2));
      return count;
    }, 100_000 - count);
  }
  t.diagnostic(`${count} descriptors in ${children.length} processes`);
  const pids = children.map(({ pid }) => pid);
  const { groups, coverage } = await groupFiles({ pids });
  assert.ok(coverage.descriptors >= count);
  assert.deepEqual(coverage.skipped, []);
  const [first] = pids as [number];
  const sizes = [4, 5].map(
    (fd) =>
      groups.find(({ holders }) => holders.some((ref) => ref.pid === first && ref.fd === fd))?.holders.length ?? 0,
  );
  assert.deepEqual(sizes, [count / 2, count / 2]);
  assert.equal((await findHolders({ pid: first, fd: 4 }, { pids })).holders.length, count / 2);
});

test('a million targets of an epoll instance are parsed, each with its toff', () => {
  const line = (tfd: number): string =>
    `tfd: ${`${tfd}`.padStart(8)} events:       19 data: ${tfd.toString(16).padStart(16)}  pos:0 ino:1a2b sdev:f\n`;
  const text = `pos:\t0\nflags:\t02\nmnt_id:\t15\nino:\t1234\n${Array.from({ length: 1_000_000 }, (_, i) => line(i >> 1)).join('')}`;
  const items = parseEpollItems(text);
  assert.equal(items.length, 1_000_000);
  assert.deepEqual(
    [items[0], items[1], items[999_999]].map((item) => [item?.tfd, item?.toff]),
    [
      [0, 0],
      [0, 1],
      [499_999, 1],
    ],
  );
});
