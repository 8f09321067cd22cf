/** kcmp same: one object or two, for descriptors and for resources of tasks. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readlinkSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startChild, type Child } from '../support/child.ts';
import * as libc from '../support/libc.ts';
import { startThread } from '../support/scenes.ts';
import { kcmp, kcmpJson, kcmpProcess, mask, NO_PID, pipe as newPipe, type Result } from './command.ts';

const COMMAND = new URL('./command.ts', import.meta.url).href;
const me = process.pid;
let child: Child;
let pipe: [number, number];
let copy: number;
before(async () => {
  pipe = newPipe();
  copy = libc.dup(pipe[0]);
  child = await startChild({ fds: [pipe[0]] });
});
after(() => child.stop());

describe('of two descriptors', () => {
  test('that dup made is 0, in one sentence', async () => {
    const { code, out, err } = await kcmp('same', `${me}:${pipe[0]}`, `${me}:${copy}`);
    assert.equal(code, 0);
    assert.equal(
      mask(out, { PID: me, LINK: readlinkSync(`/proc/self/fd/${copy}`) }),
      `PID:${pipe[0]} and PID:${copy} are one open file description: read end of LINK, flags rdonly.\n`,
    );
    assert.equal(err, '');
  });

  test('that share an offset is told with where that is', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'kcmp-same-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'hosts');
    writeFileSync(path, 'alpha\nbeta\n');
    const fd = openSync(path, 'r');
    const other = libc.dup(fd);
    const told = async (): Promise<string> => (await kcmp('same', `${me}:${fd}`, `${me}:${other}`)).out;
    readSync(fd, Buffer.alloc(6));
    assert.match(await told(), /: .*\/hosts, flags rdonly, position 6 of 11 bytes\.\n$/);
    readSync(other, Buffer.alloc(6));
    assert.match(await told(), /, position 11 of 11 bytes \(at the end\)\.\n$/);
    for (const one of [fd, other]) libc.close(one);
  });

  test('that a child inherited is 0', async () => {
    assert.equal((await kcmp('same', `${me}:${pipe[0]}`, `${child.pid}:4`)).code, 0);
  });

  test('that are the two ends of a pipe is 1', async () => {
    const { code, out } = await kcmp('same', `${me}:${pipe[0]}`, `${me}:${pipe[1]}`);
    assert.equal(code, 1);
    assert.equal(
      mask(out, { PID: me }),
      `PID:${pipe[0]} and PID:${pipe[1]} are two different open file descriptions.\n`,
    );
  });

  test('takes them as paths of /proc, also of a task', async () => {
    assert.equal((await kcmp('same', `/proc/${me}/fd/${copy}`, `/proc/${me}/task/${me}/fd/${pipe[0]}`)).code, 0);
  });

  test('of which one is not open is 2, and names it', async () => {
    const { code, out, err } = await kcmp('same', `${me}:${copy}`, `${me}:99999`);
    assert.equal(code, 2);
    assert.equal(out, '');
    assert.match(err, new RegExp(`^kcmp: .*fd 99999 of pid ${me} is not open\n$`));
  });

  test('is one JSON document', async () => {
    const { code, report } = await kcmpJson('same', `${me}:${copy}`, `${child.pid}:4`);
    assert.equal(code, 0);
    assert.deepEqual(report, {
      a: { pid: me, fd: copy },
      b: { pid: child.pid, fd: 4 },
      type: 'file',
      relation: 'same',
      via: 'kcmp',
      name: `read end of ${readlinkSync(`/proc/self/fd/${copy}`)}`,
      flags: ['rdonly'],
      pos: null,
      size: null,
    });
    const other = await kcmpJson<{ relation: string }>('same', `${me}:${copy}`, `${me}:${pipe[1]}`);
    assert.deepEqual([other.code, other.report.relation], [1, 'different']);
  });

  test('ends the process with the same codes', () => {
    assert.equal(kcmpProcess(['same', `${me}:${copy}`, `${me}:${pipe[0]}`]).code, 0);
    assert.equal(kcmpProcess(['same', `${me}:${copy}`, `${me}:${pipe[1]}`]).code, 1);
    assert.equal(kcmpProcess(['same', `${me}:${copy}`, `${NO_PID}:0`]).code, 2);
  });
});

describe('of two tasks', () => {
  test('is 0 for every resource of one process with itself', async () => {
    for (const type of ['vm', 'files', 'fs', 'sighand', 'io', 'sysvsem']) {
      assert.equal((await kcmp('same', '--type', type, me, me)).code, 0, type);
    }
  });

  test('is 0 for a thread and its process', async () => {
    const tid = await startThread(child);
    const { code, out } = await kcmp('same', child.pid, tid, '--type=vm');
    assert.equal(code, 0);
    assert.equal(mask(out, { PID: child.pid, TID: tid }), 'PID and TID share one address space.\n');
  });

  test('is 0 for one task, without a word on whether it has one', async () => {
    const { code, out } = await kcmp('same', child.pid, child.pid, '--type=vm');
    assert.deepEqual([code, mask(out, { PID: child.pid })], [0, 'PID and PID are one task.\n']);
  });

  test('is 1 for two processes', async () => {
    const { code, out } = await kcmp('same', me, child.pid, '--type', 'files');
    assert.equal(code, 1);
    assert.equal(mask(out, { ME: me, CHILD: child.pid }), 'ME and CHILD do not share one descriptor table.\n');
  });

  test('is 2 for a resource that they share or that neither has', async () => {
    // A single-threaded process that did nothing has no list of semaphore undos, but only it could know.
    const sleepers = [0, 1].map(() => spawn('sleep', ['1000'], { stdio: 'ignore' }));
    const [a = 0, b = 0] = sleepers.map(({ pid }) => pid);
    try {
      const { code, out, err } = await kcmp('same', a, b, '--type', 'sysvsem');
      assert.equal(code, 2);
      assert.equal(out, '');
      assert.equal(
        mask(err, { A: a, B: b }),
        'kcmp: A and B share one list of semaphore undos or have none: the kernel tells no difference\n',
      );
      const { report } = await kcmpJson<object>('same', a, b, '--type', 'sysvsem');
      assert.deepEqual(report, { a, b, type: 'sysvsem', relation: 'unknown', verdict: 'shared-or-none' });
    } finally {
      sleepers.forEach((sleeper) => sleeper.kill());
    }
  });

  test('is one JSON document', async () => {
    const { code, report } = await kcmpJson('same', me, child.pid, '--type', 'vm');
    assert.equal(code, 1);
    assert.deepEqual(report, { a: me, b: child.pid, type: 'vm', relation: 'different', verdict: 'separate' });
  });
});

/** Runs `kcmp same A B` in a child whose calls of kcmp fail as in a container. */
async function sameInContainer(child: Child, a: string, b: string): Promise<Result> {
  return child.run(
    async ({ keep, seccomp }, source: string, args: string[]) => {
      if (keep['filtered'] === undefined) seccomp.refuseKcmp('EPERM');
      keep['filtered'] = true;
      const { kcmp } = (await import(source)) as typeof import('./command.ts');
      return kcmp(...args);
    },
    COMMAND,
    ['same', a, b],
  );
}

describe('under a filter like that of containers', () => {
  let filtered: Child;
  before(async () => {
    filtered = await startChild({ fds: [pipe[0], pipe[0]] });
  });
  after(() => filtered.stop());

  test('one pipe of two processes is unknown and 2', async () => {
    const { code, out, err } = await sameInContainer(filtered, `${me}:${pipe[0]}`, `${filtered.pid}:4`);
    assert.equal(code, 2);
    assert.equal(out, '');
    assert.match(err, /^kcmp: [^\n]*cannot be known[^\n]*\n$/);
  });

  test('different inodes are different and 1', async () => {
    const { code, out } = await sameInContainer(filtered, `${me}:${pipe[0]}`, `${filtered.pid}:0`);
    assert.equal(code, 1);
    assert.match(
      out,
      /are two different open file descriptions, since their inodes differ; kcmp itself cannot be used here\.\n$/,
    );
  });

  test('two of its own descriptors are told apart where the kernel has F_DUPFD_QUERY', async () => {
    const { code, out } = await sameInContainer(filtered, `${filtered.pid}:4`, `${filtered.pid}:5`);
    assert.ok(code === 2 || (code === 0 && /one open file description, says fcntl\(F_DUPFD_QUERY\)/.test(out)), out);
  });
});
