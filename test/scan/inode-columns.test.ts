/** How groupFiles reads tables: by raw calls, and without them where those are refused. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { type FileGroup, sameFile } from '../../src/index.ts';
import { OpenFiles } from '../../src/scan/inode-columns.ts';
import { drain } from '../../src/util/drain.ts';
import { everyDescriptor, Fds } from '../support/brute.ts';
import { startChild, type Child } from '../support/child.ts';
import { groupFiles } from '../support/door.ts';
import { assertGrouped, onceOfTen } from '../support/scenes.ts';

const fds = new Fds();
const given = [fds.eventfd(), ...fds.pipe(), fds.eventfd()];
after(() => fds.closeAll());

/** A child that was given descriptors and has children of its own, which have some of them and some others. */
async function startFamily(): Promise<Child> {
  const child = await startChild({ fds: given });
  await child.run(async ({ childProcess, libc, fs }) => {
    for (let i = 0; i < 50; i++) libc.eventfd();
    for (let i = 0; i < 20; i++) libc.pipe();
    for (let i = 0; i < 10; i++) fs.openSync('/dev/null', 'r');
    const many = Array.from({ length: 60 }, (_, i) => 4 + i);
    const shifted = Array.from({ length: 60 }, (_, i) =>
      i % 3 === 0 ? 4 + ((i + 1) % 60) : i % 3 === 1 ? 4 + i : ('ignore' as const),
    );
    for (const stdio of [many, shifted]) {
      const kept = childProcess.spawn('sleep', ['1000'], { stdio });
      await new Promise((resolve) => kept.once('spawn', resolve));
    }
  });
  return child;
}

let child: Child;
let pids: number[];
before(async () => {
  child = await startFamily();
  pids = [
    child.pid,
    ...(await child.run(({ fs }) =>
      fs.readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').map(Number),
    )),
  ];
});
after(async () => {
  for (const pid of pids.slice(1)) process.kill(pid);
  await child.stop();
});

const numbers = (pid: number): number[] =>
  readdirSync(`/proc/${pid}/fd`)
    .map(Number)
    .sort((a, b) => a - b);

describe('OpenFiles', () => {
  test('lists the numbers of a dense table, of its children and of a sparse one', async () => {
    await using sparse = await startChild();
    await sparse.run(({ libc }) => {
      for (const fd of [90, 700, 1000]) libc.dup2(0, fd);
    });
    const files = new OpenFiles();
    for (const pid of [...pids, sparse.pid])
      await onceOfTen(() => assert.deepEqual(drain(files.list(pid)), numbers(pid), `${pid}`));
    assert.ok(numbers(sparse.pid).includes(1000));
  });

  test("takes what a child has from its parent for the parent's, and nothing else", () => {
    const files = new OpenFiles();
    for (const pid of pids) drain(files.list(pid));
    const [parent, ...others] = pids as [number, ...number[]];
    const theirs = numbers(parent);
    for (const pid of others) {
      const { start, end } = files.spanOf(pid);
      const inherited = Array.from({ length: end - start }, (_, i) => start + i).filter(
        (item) => files.origins[item] !== item,
      );
      const same = numbers(pid).filter((fd) => theirs.includes(fd) && sameFile({ pid: parent, fd }, { pid, fd }));
      assert.deepEqual(
        inherited.map((item) => files.fds[item]),
        same,
      );
      assert.ok(same.length > 20 && same.length < numbers(pid).length - 20);
    }
  });

  test('leaves out the folder that it reads, in a table of this very process', async () => {
    await onceOfTen(async () => {
      const before = numbers(process.pid);
      const listed = drain(new OpenFiles().list(process.pid)) as number[];
      assert.deepEqual(
        listed.filter((fd) => !before.includes(fd)),
        [],
      );
      const grouped = (await groupFiles({ pids: [process.pid], minHolders: 1 })).groups.flatMap(({ holders }) =>
        holders.map(({ fd }) => fd),
      );
      assert.deepEqual(
        listed,
        grouped.sort((a, b) => a - b),
      );
    });
  });

  test('answers ENOENT or ESRCH for a process that is gone', () => {
    assert.match(drain(new OpenFiles().list(2 ** 30)) as string, /^(ENOENT|ESRCH)$/);
  });
});

test('a family is grouped as a comparison of every pair groups it', async () => {
  await onceOfTen(async () => {
    const all = everyDescriptor(pids);
    const { groups } = await groupFiles({ pids, minHolders: 1 });
    assertGrouped(groups, all);
    assert.equal(groups.flatMap(({ holders }) => holders).length, all.length);
  });
});

test('what a child has from its parent is in one group, also beside a process that ran meanwhile', async () => {
  await using busy = await startChild();
  await busy.run(({ libc }) => {
    for (let i = 0; i < 5; i++) libc.epollCreate();
    setInterval(() => {}, 0);
  });
  const { groups } = await groupFiles({ pids: [...pids, busy.pid], minHolders: 1 });
  const all = groups.flatMap(({ holders }) => holders.map(({ pid, fd }) => `${pid}:${fd}`));
  assert.deepEqual(all.length, new Set(all).size);
});

for (const code of ['ENOSYS', 'EPERM'] as const) {
  // There Node itself cannot do without it.
  const skip =
    process.arch === 'loong64'
      ? 'statx is the only call of its kind there'
      : code === 'EPERM' && ['arm', 'ia32'].includes(process.arch)
        ? 'the C library of 32 bits falls back for ENOSYS alone'
        : false;
  test(`where statx is refused with ${code}, the groups are the same`, { skip }, async () => {
    await using observer = await startChild();
    const [reads, without] = await observer.run(
      async ({ door, seccomp }, pids: number[], code: 'ENOSYS' | 'EPERM') => {
        const own = await door.groupFiles({ pids: [...pids, process.pid], minHolders: 1 });
        seccomp.refuse('statx', code);
        return [own, await door.groupFiles({ pids: [...pids, process.pid], minHolders: 1 })];
      },
      pids,
      code,
    );
    assert.ok((reads?.groups.length ?? 0) > 50);
    // Node's own eventfds count; and no other call looks at a file without asking its server, so that the kind of some is
    // not known.
    const still = (group: FileGroup): FileGroup => ({
      ...group,
      name: group.name?.replace(/count \d+/, 'count') ?? null,
    });
    const known = reads?.groups.map((group, i) =>
      still(without?.groups[i]?.kind === 'unknown' ? { ...group, kind: 'unknown' } : group),
    );
    assert.deepEqual({ ...without, groups: without?.groups.map(still) }, { ...reads, groups: known });
    assert.ok(
      without?.groups.some(({ kind }) => kind === 'socket') && without.groups.some(({ kind }) => kind === 'eventfd'),
    );
  });
}
