/** kcmp and its facade: every type on real descriptors and tasks that share and that do not. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import {
  compareFiles,
  compareTasks,
  kcmp,
  KCMP_FILE,
  KCMP_FILES,
  KCMP_FS,
  KCMP_IO,
  KCMP_SIGHAND,
  KCMP_SYSVSEM,
  KCMP_VM,
  sameFile,
  type FileRef,
} from '../../src/index.ts';
import { startChild, type Child } from '../support/child.ts';
import * as libc from '../support/libc.ts';

const me = process.pid;
const THIS = new URL(import.meta.url);
const opened: number[] = [];
/** A descriptor that is closed in the end. */
const keep = (fd: number): number => (opened.push(fd), fd);
const own = (fd: number): FileRef => ({ pid: me, fd });

const read = keep(openSync(THIS, 'r'));
let child: Child;
before(async () => {
  child = await startChild({ fds: [read] });
});
after(async () => {
  await child.stop();
  for (const fd of opened) closeSync(fd);
});

describe('KCMP_FILE', () => {
  /** Asserts it in both directions and by all three functions. */
  function assertSame(a: FileRef, b: FileRef, expected: boolean): void {
    assert.equal(sameFile(a, b), expected);
    assert.equal(sameFile(b, a), expected);
    assert.equal(kcmp(a.pid, b.pid, KCMP_FILE, a.fd, b.fd) === 0, expected);
    assert.equal(compareFiles(a, b) === 0, expected);
  }

  test('a descriptor is the same file as itself', () => assertSame(own(read), own(read), true));

  test('a duplicate is the same file', () => assertSame(own(read), own(keep(libc.dup(read))), true));

  test('a second open of the same path is another file', () =>
    assertSame(own(read), own(keep(openSync(THIS, 'r'))), false));

  test('a re-open through /proc is another file', () => {
    assertSame(own(read), own(keep(openSync(`/proc/self/fd/${read}`, 'r'))), false);
  });

  test('the two ends of a pipe are two files', () => {
    const [out, into] = libc.pipe();
    assertSame(own(keep(out)), own(keep(into)), false);
  });

  test('a descriptor that a child inherited is the same file, whatever its number', () => {
    assertSame(own(read), { pid: child.pid, fd: 4 }, true);
  });

  test('an end of a pipe that was re-opened is another file', () => {
    const [out, into] = libc.pipe();
    keep(into);
    assertSame(own(keep(out)), own(keep(openSync(`/proc/self/fd/${out}`, 'r'))), false);
  });

  test('a descriptor that was sent over a socket is the same file', () => {
    const [left, right] = libc.socketpair();
    libc.sendFd(keep(left), read);
    assertSame(own(read), own(keep(libc.receiveFd(keep(right)))), true);
  });

  test('descriptors opened with O_PATH can be compared', () => {
    const O_PATH = 0o10000000;
    const path = keep(openSync(THIS, O_PATH));
    assertSame(own(path), own(keep(libc.dup(path))), true);
    assertSame(own(path), own(read), false);
  });

  test('two processes of which neither started the other can share a file', () => {
    const other = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', read] });
    try {
      assertSame({ pid: child.pid, fd: 4 }, { pid: other.pid as number, fd: 2 }, true);
    } finally {
      other.kill('SIGKILL');
    }
  });

  test('a thread that left the common descriptor table has files of its own under its task id', async () => {
    const [tid, shared] = await child.run(async ({ startWorker, keep }, flags) => {
      const worker = startWorker('./thread.ts', { flags, closes: [4] });
      keep['worker'] = worker;
      const tid = await new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject));
      return [tid, process.pid];
    }, libc.CLONE_FILES);
    assert.ok(tid !== undefined && shared !== undefined);
    assertSame(own(read), { pid: shared, fd: 4 }, true);
    assert.throws(() => sameFile(own(read), { pid: tid, fd: 4 }), { code: 'EBADF' });
    assert.notEqual(compareTasks(shared, tid, 'files'), 0);
    assert.equal(compareTasks(shared, tid, 'vm'), 0);
  });
});

describe('the types that compare whole tasks', () => {
  const TYPES = [
    [KCMP_VM, 'vm'],
    [KCMP_FILES, 'files'],
    [KCMP_FS, 'fs'],
    [KCMP_SIGHAND, 'sighand'],
    [KCMP_IO, 'io'],
    [KCMP_SYSVSEM, 'sysvsem'],
  ] as const;

  /** Gives the child an I/O context and an undo list, without which NULL equals NULL; then starts a thread. */
  async function giveAll(): Promise<number> {
    return child.run(async ({ libc, startWorker, keep }) => {
      libc.createIoContext();
      libc.createUndoList();
      const worker = startWorker('./thread.ts');
      keep['sharing'] = worker;
      return new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject));
    });
  }

  test('a task shares all six with itself', () => {
    for (const [type, resource] of TYPES) {
      assert.equal(kcmp(me, me, type), 0);
      assert.equal(compareTasks(me, me, resource), 0);
    }
  });

  test('a child shares none of the four that every process has', () => {
    for (const [type, resource] of TYPES.slice(0, 4)) {
      const result = kcmp(me, child.pid, type);
      assert.ok(result === 1 || result === 2, `${resource}: ${result}`);
      assert.equal(compareTasks(me, child.pid, resource), result === 1 ? -1 : 1);
      assert.equal(compareTasks(child.pid, me, resource), result === 1 ? 1 : -1);
    }
  });

  test("a thread shares all but the I/O context, which is each task's own", async () => {
    const tid = await giveAll();
    const shared = TYPES.map(([, resource]) => [resource, compareTasks(child.pid, tid, resource) === 0]);
    assert.deepEqual(Object.fromEntries(shared), {
      vm: true,
      files: true,
      fs: true,
      sighand: true,
      io: false,
      sysvsem: true,
    });
  });

  test('an I/O context and an undo list of one process only are different', () => {
    assert.notEqual(compareTasks(me, child.pid, 'io'), 0);
    assert.notEqual(compareTasks(me, child.pid, 'sysvsem'), 0);
  });

  test('a thread that unshared its filesystem information differs in that alone', async () => {
    const tid = await child.run(async ({ startWorker, keep }, flags) => {
      const worker = startWorker('./thread.ts', { flags });
      keep['unshared'] = worker;
      return new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject));
    }, libc.CLONE_FS);
    const different = TYPES.slice(0, 4).filter(([, resource]) => compareTasks(child.pid, tid, resource) !== 0);
    assert.deepEqual(
      different.map(([, resource]) => resource),
      ['fs'],
    );
  });

  test('two tasks that both lack a resource compare as the same', () => {
    const sleepers = [spawn('sleep', ['1000']), spawn('sleep', ['1000'])];
    const [a, b] = sleepers.map(({ pid }) => pid as number) as [number, number];
    try {
      assert.equal(compareTasks(a, b, 'sysvsem'), 0);
      assert.notEqual(compareTasks(a, b, 'vm'), 0);
    } finally {
      for (const sleeper of sleepers) sleeper.kill('SIGKILL');
    }
  });
});
