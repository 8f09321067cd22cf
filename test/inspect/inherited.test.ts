/** findInherited and assertNoInherited: what a process shares with its parent, or with another one. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { openSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import * as atOnce from '../../src/index.ts';
import { sameFile, type InheritedFile, type InheritedReport, type UnexplainedFile } from '../../src/index.ts';
import * as later from '../../src/promises.ts';
import { Fds } from '../support/brute.ts';
import { startChild, type Child } from '../support/child.ts';
import { assertNoInherited, findInherited } from '../support/door.ts';
import * as libc from '../support/libc.ts';
import { numbersIn, startThread, startZombies } from '../support/scenes.ts';
import { needsRoot, ORDINARY } from '../support/user.ts';

const me = process.pid;

// Whoever started this process may have left descriptors in it, which its children would get as well.
const ambient = new Fds();
for (const fd of numbersIn('/proc/self/fd').filter((fd) => fd > 2)) {
  try {
    ambient.add(fd); // close-on-exec from now on
  } catch {
    // the descriptor of the listing itself
  }
}

const fds = new Fds();
const [read, write] = fds.pipe();
const event = fds.eventfd();
const linkOf = (fd: number): string => readlinkSync(`/proc/self/fd/${fd}`);
let leaky: Child;
let clean: Child;

before(async () => {
  [leaky, clean] = (await Promise.all([startChild({ fds: [read, write, event] }), startChild()])) as [Child, Child];
});
after(async () => {
  await Promise.all([leaky.stop(), clean.stop()]);
  fds.closeAll();
});

const numbersOf = ({ inherited }: InheritedReport): number[] => inherited.map(({ fd }) => fd);
const allowing = async (...allow: Array<number | string | RegExp>): Promise<number[]> =>
  numbersOf(await findInherited(leaky.pid, { allow }));
const LEAKS = [4, 5, 6];

describe('findInherited', () => {
  test('lists each leaked descriptor with its number in the parent, its kind and its link', async () => {
    const report = await findInherited(leaky.pid);
    const expected: InheritedFile[] = [
      { fd: 4, from: { pid: me, fd: read }, kind: 'pipe', link: linkOf(read), name: `read end of ${linkOf(read)}` },
      { fd: 5, from: { pid: me, fd: write }, kind: 'pipe', link: linkOf(write), name: `write end of ${linkOf(write)}` },
      { fd: 6, from: { pid: me, fd: event }, kind: 'eventfd', link: linkOf(event), name: 'eventfd, count 0' },
    ];
    assert.deepEqual(report.inherited, expected);
    assert.deepEqual([report.pid, report.from], [leaky.pid, me]);
    assert.ok(report.coverage.processes >= 2);
    assert.equal((await findInherited(leaky.pid, { from: me })).coverage.processes, 2);
  });

  test('finds nothing in a clean child, and never counts 0, 1 and 2, which it does share', async () => {
    assert.deepEqual((await findInherited(clean.pid)).inherited, []);
    const shared = [1, 2].filter((fd) => sameFile({ pid: clean.pid, fd }, { pid: me, fd }));
    assert.deepEqual(shared, [1, 2]);
  });

  test('finds a descriptor under every number that the child gave it', async () => {
    await leaky.run(({ libc }) => libc.dup2(4, 700));
    assert.deepEqual((await findInherited(leaky.pid)).inherited.at(-1), {
      fd: 700,
      from: { pid: me, fd: read },
      kind: 'pipe',
      link: linkOf(read),
      name: `read end of ${linkOf(read)}`,
    });
    await leaky.run(({ libc }) => libc.close(700));
  });

  test('takes a re-open of the same file for what it is: not inherited', async () => {
    const fd = await clean.run(({ fs }, path: string) => fs.openSync(path, 'r'), `/proc/${me}/fd/${read}`);
    assert.deepEqual((await findInherited(clean.pid)).inherited, []);
    await clean.run(({ fs }, fd: number) => fs.closeSync(fd), fd);
  });

  test('compares with any process that is named, in either direction', async () => {
    assert.deepEqual((await findInherited(leaky.pid, { from: clean.pid })).inherited, []);
    const upwards = await findInherited(me, { from: leaky.pid });
    assert.equal(upwards.from, leaky.pid);
    assert.deepEqual(new Set(numbersOf(upwards)), new Set([read, write, event]));
    assert.deepEqual(upwards.inherited.find(({ fd }) => fd === event)?.from, { pid: leaky.pid, fd: 6 });
  });

  test('leaves out what is allowed, by number, by link, by a link with *, by a regular expression', async () => {
    assert.deepEqual(await allowing(), LEAKS);
    assert.deepEqual(await allowing(4, 6), [5]);
    assert.deepEqual(await allowing(linkOf(read)), [6]);
    assert.deepEqual(await allowing('pipe:*'), [6]);
    assert.deepEqual(await allowing('*eventfd]'), [4, 5]);
    assert.deepEqual(await allowing(/^pipe:/g), [6]);
    assert.deepEqual(await allowing('pipe', 'PIPE:*', 'pipe:[?]', '.*'), LEAKS);
    assert.deepEqual(await allowing('*'), []);
    assert.deepEqual(await allowing('pipe:[*pipe:[*', '*]]', 'pipe:*:*'), LEAKS);
    assert.deepEqual(await allowing('p*p*:*]'), [6]);
    assert.deepEqual(await allowing(/ipe:/y), LEAKS);
    assert.deepEqual(await allowing(/pipe:/y), [6]);
  });

  test('finds what a thread of the other process gave that has a table of its own', async () => {
    await using parent = await startChild();
    const [pid, tid] = await parent.run(
      ({ startWorker }, worker: string, read: number) =>
        new Promise<[number, number]>((resolve, reject) =>
          startWorker(worker, { path: `/proc/${process.ppid}/fd/${read}` })
            .on('error', reject)
            .on('message', resolve),
        ),
      new URL('../support/giver.ts', import.meta.url).href,
      read,
    );
    const { inherited } = await findInherited(pid);
    assert.deepEqual(inherited, [
      {
        fd: 3,
        from: { pid: tid, fd: inherited[0]?.from.fd },
        kind: 'pipe',
        link: linkOf(read),
        name: `read end of ${linkOf(read)}`,
      },
    ]);
    process.kill(pid);
  });

  test('looks at everybody it descends from, and tells the nearest that has it', async () => {
    const given = fds.eventfd();
    await using parent = await startChild({ fds: [read, given] });
    const pid = await parent.run(({ childProcess, fs, keep }) => {
      const child = childProcess.spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', 4, 5] });
      process.on('exit', () => void child.kill('SIGKILL'));
      keep['child'] = child;
      fs.closeSync(4);
      return child.pid as number;
    });
    const { from, inherited, unexplained } = await findInherited(pid);
    assert.equal(from, parent.pid);
    assert.deepEqual(
      inherited.map((file) => [file.fd, file.from]),
      [
        [3, { pid: me, fd: read }],
        [4, { pid: parent.pid, fd: 5 }],
      ],
    );
    assert.deepEqual(unexplained, []);
    assert.deepEqual(numbersOf(await findInherited(pid, { from: parent.pid })), [4]);
    await assert.rejects(
      () => assertNoInherited(pid),
      ({ message }: Error) =>
        message.includes(`process ${pid} shares 2 descriptors with process ${parent.pid} and others`) &&
        message.includes(` ${me}:${read} `),
    );
  });

  test('finds what Node marked when it was started with it, and its parent has closed', async () => {
    await using parent = await startChild({ fds: [read, event] });
    const pid = await parent.run(async ({ childProcess, fs, keep }) => {
      const child = childProcess.spawn(
        process.execPath,
        ['-e', 'process.stdin.on("data", () => {}).resume(); console.log()'],
        { stdio: ['pipe', 'pipe', 'ignore', 4, 5] },
      );
      process.on('exit', () => void child.kill('SIGKILL'));
      keep['child'] = child;
      for (const fd of [4, 5]) fs.closeSync(fd);
      await new Promise((resolve) => child.stdout?.once('data', resolve));
      return child.pid as number;
    });
    const { inherited } = await findInherited(pid);
    for (const [i, fd] of [read, event].entries())
      assert.deepEqual(inherited.find((file) => file.fd === 3 + i)?.from, { pid: me, fd });
  });

  test('tells what stays open on exec and nobody has that it descends from', async () => {
    const path = join(tmpdir(), `kcmp-given-${me}`);
    await using parent = await startChild();
    const pid = await parent.run(({ childProcess, fs, libc, keep }, path: string) => {
      const fd = fs.openSync(path, 'w');
      const child = childProcess.spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
      process.on('exit', () => void child.kill('SIGKILL'));
      keep['child'] = child;
      libc.close(fd);
      return child.pid as number;
    }, path);
    rmSync(path);
    const name = `deleted file ${path}`;
    const given: UnexplainedFile = { fd: 3, kind: 'regular', link: `${path} (deleted)`, name };
    const { inherited, unexplained } = await findInherited(pid);
    assert.deepEqual([inherited, unexplained], [[], [given]]);
    for (const options of [
      { from: parent.pid },
      { allow: [3] },
      { allow: [name] },
      { unexplained: 'ignore' as const },
    ]) {
      assert.deepEqual((await findInherited(pid, options)).unexplained, []);
      await assertNoInherited(pid, options);
    }
    await assert.rejects(
      () => assertNoInherited(pid),
      ({ message }: Error) =>
        message.includes(`process ${pid} has 1 descriptor`) && message.includes(`3   regular  ${name}`),
    );
    await assert.rejects(() => findInherited(pid, { unexplained: 'all' as 'ignore' }), {
      code: 'ERR_INVALID_ARG_VALUE',
    });
    // Of what was opened by the process itself what it would not give is none.
    const own = await parent.run(({ fs }) => fs.openSync('/dev/zero', 'r'));
    assert.ok((await findInherited(parent.pid)).unexplained.every(({ fd }) => fd !== own));
  });

  test('inheritedByUs allows what this process was started with, and nothing else', async () => {
    await using suite = await startChild({ fds: [read, event] });
    const allow = await suite.run(({ door }) => door.inheritedByUs());
    assert.deepEqual(new Set(allow), new Set([linkOf(read), 5]));
  });

  test('throws ESRCH for a process that does not exist, on either side', async () => {
    await assert.rejects(() => findInherited(2 ** 31 - 1), { code: 'ESRCH' });
    await assert.rejects(() => findInherited(leaky.pid, { from: 2 ** 31 - 1 }), { code: 'ESRCH' });
  });

  test('has nothing to compare a process with whose parent is outside of the pid namespace', async () => {
    await assert.rejects(() => findInherited(1), {
      code: 'ESRCH',
      pid: 1,
      message: /^ESRCH: pid 1 has no parent in this pid namespace/,
    });
  });

  test('finds everything in a process that shares the whole table, under the same numbers', async () => {
    const tid = await startThread(leaky);
    const { inherited } = await findInherited(tid, { from: leaky.pid });
    assert.deepEqual(
      inherited.map(({ fd, from }) => [fd, from]),
      inherited.map(({ fd }) => [fd, { pid: leaky.pid, fd }]),
    );
    // It opens and closes others meanwhile.
    for (const report of [
      await findInherited(tid, { from: leaky.pid }),
      await findInherited(leaky.pid, { from: tid }),
    ]) {
      assert.deepEqual(
        LEAKS.filter((fd) => !numbersOf(report).includes(fd)),
        [],
      );
      assert.ok(report.inherited.length > 2 * LEAKS.length);
    }
  });

  test('does not take a zombie, which has no descriptors any more, for a clean process', async () => {
    const zombies = await startZombies();
    try {
      for (const look of [findInherited, assertNoInherited]) {
        await assert.rejects(() => look(zombies.pids[0]), { code: 'ESRCH', message: /has ended/ });
      }
    } finally {
      await zombies.stop();
    }
  });

  test('does not take a process that ends while it is looked at for a clean one', async () => {
    for (let i = 0; i < 20; i++) {
      const { pid = 0 } = spawn('sleep', ['0.02'], { stdio: ['ignore', 'ignore', 'ignore', read] });
      // Whether it is a zombie then or gone: no other gets its number so soon.
      for (let leaks = 1; leaks > 0; ) {
        try {
          leaks = (await findInherited(pid)).inherited.length;
        } catch (error) {
          assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH');
          break;
        }
        assert.equal(leaks, 1);
      }
    }
  });

  test('says so when the other process may not be inspected', { skip: needsRoot }, async () => {
    await using ordinary = await startChild({ ...ORDINARY, fds: [read] });
    const asked = ordinary.run(({ door }) => door.findInherited(process.pid));
    await assert.rejects(asked, ({ code }: NodeJS.ErrnoException) => code === 'EACCES' || code === 'EPERM');
    assert.deepEqual(numbersOf(await findInherited(ordinary.pid)), [4]); // root may
    // By its name, when nothing else is left.
    const memfd = fds.add(libc.memfd('kcmp-named'));
    await using named = await startChild({ ...ORDINARY, fds: [memfd] });
    const allow = ['memfd:kcmp-named', 'anon_inode:*', 'pipe:*', 'socket:*', '/dev/*'];
    const report = await named.run(({ door }, allow) => door.findInherited(process.pid, { allow }), allow);
    assert.deepEqual([report.inherited, report.coverage.skipped], [[], []]);
  });

  test('refuses bad arguments as Node does', async () => {
    const bad = findInherited as (...args: unknown[]) => Promise<InheritedReport>;
    const TYPE = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
    const RANGE = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' };
    await assert.rejects(() => bad('1'), TYPE);
    await assert.rejects(() => bad(-1), RANGE);
    await assert.rejects(() => bad(me, 1), TYPE);
    await assert.rejects(() => bad(me, { from: '1' }), TYPE);
    await assert.rejects(() => bad(me, { allow: 'pipe:*' }), TYPE);
    await assert.rejects(() => bad(me, { allow: [null] }), TYPE);
    await assert.rejects(() => bad(me, { allow: [-1] }), RANGE);
  });
});

describe('assertNoInherited', () => {
  test('passes for a clean child, and for a leaky one when all of it is allowed', async () => {
    await assertNoInherited(clean.pid);
    await assertNoInherited(leaky.pid, { allow: ['pipe:*', 6] });
    await assertNoInherited(leaky.pid, { from: clean.pid });
  });

  test('throws an AssertionError whose message is a table of the leaks', async () => {
    await assert.rejects(
      () => assertNoInherited(leaky.pid, { allow: [5] }),
      (error: assert.AssertionError) => {
        assert.ok(error instanceof assert.AssertionError);
        assert.equal(error.code, 'ERR_ASSERTION');
        const [head = '', ...rows] = error.message.split('\n');
        assert.match(head, new RegExp(`\\b${leaky.pid}\\b.*\\b2\\b.*\\b${me}\\b`));
        assert.deepEqual(
          rows.slice(-2).map((row) => row.trim().split(/ {2,}/)),
          [
            ['4', `${read}`, 'pipe', `read end of ${linkOf(read)}`],
            ['6', `${event}`, 'eventfd', 'eventfd, count 0'],
          ],
        );
        return true;
      },
    );
  });

  test('prints a name that a terminal would obey as text', async () => {
    const path = `${tmpdir()}/kcmp-\x1b[31m\n-${me}`;
    const fd = fds.add(openSync(path, 'w'));
    await using child = await startChild({ fds: [fd] });
    rmSync(path);
    await assert.rejects(
      () => assertNoInherited(child.pid),
      ({ message }: Error) =>
        message.split('\n').length === 3 && message.includes(`${tmpdir()}/kcmp-\\x1b[31m\\n-${me}`),
    );
  });

  // What wraps a door would stand between, so that each is asked itself.
  for (const [door, ask] of [
    ['the one that answers at once', atOnce.assertNoInherited],
    ['the other one', later.assertNoInherited],
  ] as const) {
    test(`points its stack at the test, not into the library: ${door}`, async () => {
      let stack = '';
      try {
        await ask(leaky.pid);
      } catch (error) {
        stack = (error as Error).stack ?? '';
      }
      const first = stack.split('\n').find((line) => line.startsWith('    at ') && !line.includes('(node:'));
      assert.match(first ?? stack, /inherited\.test\./);
    });
  }

  test('does not deny that somebody has it who may not be looked at', { skip: needsRoot }, async () => {
    const { uid, gid } = ORDINARY as { uid: number; gid: number };
    const given = spawn('sleep', ['1000'], { uid, gid, stdio: ['ignore', 'ignore', 'ignore', event] });
    await using ordinary = await startChild(ORDINARY);
    try {
      await assert.rejects(
        () => ordinary.run(({ door }, pid) => door.assertNoInherited(pid), given.pid as number),
        /that nobody it descends from was seen to have: given by .*, or could not be looked at, or /,
      );
    } finally {
      given.kill();
    }
  });

  test('does not take a process that is gone for a clean one', async () => {
    const gone = await startChild();
    await gone.stop();
    await assert.rejects(() => assertNoInherited(gone.pid), { code: 'ESRCH' });
  });
});
