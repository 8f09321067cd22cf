/** groupFiles: the open file table of a scene of every kind, against a comparison of every pair. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readlinkSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { FileGroup, FileRef, GroupReport } from '../../src/index.ts';
import { O_PATH } from '../../src/procfs/fdinfo.ts';
import { everyDescriptor, Fds, refs } from '../support/brute.ts';
import { startChild, type Child } from '../support/child.ts';
import { findHolders, findInherited, groupFiles, resolveEpoll } from '../support/door.ts';
import { KINDS } from '../support/kinds.ts';
import { assertGrouped, isZombie, onceOfTen } from '../support/scenes.ts';
import { ORDINARY } from '../support/user.ts';

const me = process.pid;
const KINDS_MODULE = new URL('../support/kinds.ts', import.meta.url).href;
const linkOf = ({ pid, fd }: FileRef): string => readlinkSync(`/proc/${pid}/fd/${fd}`);

/** One of each kind, of which the children get every one; and one more, also under a second number here. */
const fds = new Fds();
const given = KINDS.map(({ open }) => fds.add(open()));
const kept = KINDS.map(({ open }) => fds.add(open()));
const doubled = kept.map((fd) => fds.dup(fd));
let children: Child[];
let pids: number[];

before(async () => {
  children = await Promise.all([1, 2, 3].map(() => startChild({ fds: given })));
  // Each child has every kind anew, a second number for all that it got, and re-opens some of it through /proc.
  await Promise.all(
    children.map((child) =>
      child.run(
        async ({ fs, libc }, module: string, count: number) => {
          const { KINDS } = (await import(module)) as typeof import('../support/kinds.ts');
          for (const { open } of KINDS) open();
          for (let fd = 4; fd < 4 + count; fd++) {
            libc.dup(fd);
            try {
              fs.openSync(
                `/proc/self/fd/${fd}`,
                fs.constants.O_RDONLY | fs.constants.O_NONBLOCK | fs.constants.O_NOCTTY,
              );
            } catch {
              // sockets and anonymous files cannot be opened again
            }
          }
        },
        KINDS_MODULE,
        given.length,
      ),
    ),
  );
  pids = [me, ...children.map(({ pid }) => pid)];
});
after(async () => {
  await Promise.all(children.map((child) => child.stop()));
  fds.closeAll();
});

/** The descriptors of the scene; the one by which /proc/self/fd itself was listed is gone again. */
const everything = (): FileRef[] =>
  everyDescriptor(pids).filter((file) => {
    try {
      return linkOf(file) !== '';
    } catch {
      return false;
    }
  });
const groupOf = ({ groups }: GroupReport, { pid, fd }: FileRef): FileGroup =>
  groups.find(({ holders }) => holders.some((holder) => holder.pid === pid && holder.fd === fd)) as FileGroup;

describe('a scene of a dozen kinds in four processes', () => {
  test('is grouped as a comparison of every pair groups it', async () => {
    await onceOfTen(async () => {
      const all = everything();
      assert.ok(all.length >= 300, `${all.length} descriptors`);
      assert.ok(new Set(KINDS.map(({ kind }) => kind)).size >= 12);
      const { groups } = await groupFiles({ pids, minHolders: 1 });
      assertGrouped(groups, all);
      assert.equal(groups.flatMap(({ holders }) => holders).length, all.length);
    });
  });

  test('has the same holders when each description is asked about by itself', async () => {
    await onceOfTen(async () => {
      for (const { holders, kind, link } of (await groupFiles({ pids, minHolders: 1 })).groups) {
        const [first] = holders as [FileRef];
        const report = await findHolders(first, { pids });
        assert.deepEqual(refs(report.holders), holders);
        assert.deepEqual([report.kind, report.link], [kind, link]);
      }
    });
  });

  for (const [i, { name, kind }] of KINDS.entries()) {
    test(`has the ${name} that each child was given, of the kind ${kind}`, async () => {
      const file = { pid: me, fd: given[i] as number };
      const group = groupOf(await groupFiles({ pids }), file);
      assert.equal(group.kind, kind);
      assert.equal(group.link, linkOf(file));
      const theirs = children.map(({ pid }) =>
        group.holders.filter((holder) => holder.pid === pid).map(({ fd }) => fd),
      );
      assert.deepEqual(
        theirs.map(([fd]) => fd),
        children.map(() => 4 + i),
      );
      assert.deepEqual(
        theirs.map(({ length }) => length),
        [2, 2, 2],
      );
      assert.equal(group.holders.filter(({ pid }) => pid === me).length, 1);
    });
  }
});

describe('the report', () => {
  test('calls each description what it is called when it is asked about by itself', async () => {
    // A timer is due in less each time, and Node's own eventfds count.
    const still = (name: string | null): string | null => name?.replace(/(due in|count) .*/, '$1') ?? null;
    const { groups } = await groupFiles({ pids, minHolders: 1 });
    const names = new Set<string | null>();
    for (const { name, holders } of groups) {
      const alone = await findHolders(holders[0] as FileRef, { pids, parts: [] });
      assert.equal(still(name), still(alone.name), JSON.stringify(holders[0]));
      names.add(still(name));
    }
    assert.ok(names.size > KINDS.length && ![...names].every((name) => name === null));
  });

  test('calls the file of a unix socket by its path, of which kind it is', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'kcmp-')), 'socket');
    const server = createServer().listen(path);
    await once(server, 'listening');
    const fd = fds.add(openSync(path, O_PATH));
    const given = fds.dup(fd);
    const { groups } = await groupFiles({ pids: [me] });
    const group = groups.find(({ holders }) => holders.some((ref) => ref.fd === given));
    server.close();
    rmSync(dirname(path), { recursive: true });
    assert.deepEqual([group?.kind, group?.link, group?.name], ['socket', path, path]);
  });

  test('numbers its groups by lowest pid, then fd, and lists holders in that order', async () => {
    const { groups } = await groupFiles({ pids: pids.toReversed() });
    assert.deepEqual(
      groups.map(({ id }) => id),
      groups.map((_, i) => i + 1),
    );
    const firsts = groups.map(({ holders }) => holders[0] as FileRef);
    assert.deepEqual(firsts, refs(firsts));
    for (const { holders } of groups) assert.deepEqual(holders, refs(holders));
  });

  test('is the same in whatever order the processes are given, and twice in a row', async () => {
    await onceOfTen(async () => {
      assert.deepEqual(
        (await groupFiles({ pids })).groups,
        (await groupFiles({ pids: [...pids.toReversed(), ...pids] })).groups,
      );
    });
  });

  test('leaves out groups of one, unless asked for them, and any smaller than minHolders', async () => {
    const sizes = async (minHolders?: number): Promise<number[]> =>
      (await groupFiles({ pids, ...(minHolders === undefined ? {} : { minHolders }) })).groups.map(
        ({ holders }) => holders.length,
      );
    assert.ok((await sizes()).every((size) => size >= 2));
    assert.ok((await sizes(1)).includes(1));
    assert.deepEqual(
      await sizes(3),
      (await sizes(1)).filter((size) => size >= 3),
    );
    assert.ok((await sizes(3)).length > 0);
  });

  test('has two numbers of one process in one group', async () => {
    const report = await groupFiles({ pids: [me] });
    for (const [i, fd] of kept.entries()) {
      assert.deepEqual(
        groupOf(report, { pid: me, fd }).holders,
        refs([
          { pid: me, fd },
          { pid: me, fd: doubled[i] as number },
        ]),
      );
    }
  });

  test('is empty for no processes', async () => {
    assert.deepEqual(await groupFiles({ pids: [] }), {
      groups: [],
      sharedTables: [],
      coverage: { processes: 0, tasks: 0, descriptors: 0, skipped: [] },
    });
  });

  test('refuses a minHolders below 1, and options of the wrong kind', async () => {
    for (const minHolders of [0, -1, 1.5, NaN])
      await assert.rejects(() => groupFiles({ pids, minHolders }), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
    for (const minHolders of ['2', null])
      await assert.rejects(() => groupFiles({ pids, minHolders: minHolders as unknown as number }), {
        name: 'TypeError',
        code: 'ERR_INVALID_ARG_TYPE',
      });
    await assert.rejects(() => groupFiles({ pids: 1 as unknown as number[] }), {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
    });
  });
});

test('options are read once, so that what was checked is what is used', async () => {
  const changing = (name: string, first: unknown): object => {
    let reads = 0;
    return Object.defineProperty({ pids: [me] }, name, { get: () => (reads++ === 0 ? first : 'other') });
  };
  const file = { pid: me, fd: given[0] as number };
  for (const ask of [
    groupFiles,
    (options: object) => findHolders(file, options),
    (options: object) => resolveEpoll(me, fds.epoll(), options),
  ]) {
    await ask(changing('onProgress', () => {}));
    await ask(changing('onProgress', undefined));
  }
  await findInherited(me, changing('from', me));
});

test('two processes that end while they are looked at are not taken for sharers of one table', async () => {
  const sleepers = [1, 2].map(() => spawn('sleep', ['1000'], { stdio: 'ignore' }));
  const pids = sleepers.map(({ pid }) => pid as number);
  let isOver = false;
  const onProgress = (done: number): void => {
    // Both were read, and nothing was compared yet.
    if (isOver || done < 500) return;
    isOver = true;
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    while (!pids.every(isZombie));
  };
  // Whether they are zombies in the end or gone: nobody else gets their numbers so soon.
  assert.deepEqual((await groupFiles({ pids, onProgress })).sharedTables, []);
});

test("a refused process and one that has ended neither merge nor split the groups of two ordinary users' processes", async () => {
  const eventfds = Array.from({ length: 40 }, () => fds.eventfd());
  const start = (): Promise<Child> => startChild({ ...ORDINARY, fds: eventfds });
  const [observer, refused, ended, other] = (await Promise.all([1, 2, 3, 4].map(start))) as [
    Child,
    Child,
    Child,
    Child,
  ];
  await refused.run(({ libc }) => libc.prctl(4, 0)); // PR_SET_DUMPABLE: nobody without privileges may look at it now
  await ended.stop();
  const asked = [observer, refused, ended, other].map(({ pid }) => pid);
  const { groups, coverage } = await observer.run(({ door }, pids: number[]) => door.groupFiles({ pids }), asked);
  await Promise.all([observer, refused, other].map((child) => child.stop()));
  const pairs = eventfds.map((_, i) => [
    { pid: observer.pid, fd: 4 + i },
    { pid: other.pid, fd: 4 + i },
  ]);
  const given = new Set(pairs.flat().map(({ pid, fd }) => `${pid}:${fd}`));
  const found = groups
    .map(({ holders }) => holders)
    .filter((holders) => holders.some(({ pid, fd }) => given.has(`${pid}:${fd}`)));
  assert.deepEqual(
    found.map(refs).sort((a, b) => (a[0]?.fd ?? 0) - (b[0]?.fd ?? 0)),
    pairs.map(refs),
  );
  assert.equal(coverage.processes, 2);
  const skipped = coverage.skipped.filter(({ unit }) => unit === 'process');
  const codeOf = (pid: number): string =>
    skipped
      .filter((entry) => entry.pid === pid && entry.count === 1)
      .map(({ code }) => code)
      .join();
  assert.match(codeOf(refused.pid), /^(EACCES|EPERM)$/);
  assert.equal(codeOf(ended.pid), 'ESRCH');
  assert.equal(skipped.length, 2);
});
