/** What the kernel refuses: the order of its checks, and errors that name the failing side and say what to do. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SYSCALL_NUMBERS } from '../../src/binding/abi.ts';
import {
  compareTasks,
  kcmp,
  KCMP_EPOLL_TFD,
  KCMP_FILE,
  KCMP_VM,
  KcmpError,
  sameFile,
  type KcmpType,
} from '../../src/index.ts';
import { startChild, type Child } from '../support/child.ts';
import * as libc from '../support/libc.ts';
import { startZombies } from '../support/scenes.ts';
import { isRoot, needsRoot, NOBODY } from '../support/user.ts';

const me = process.pid;
const NO_PID = 2 ** 31 - 1;
const CLOSED = 100_001;
/** kcmp(2) itself, with whatever arguments. */
const raw = (...args: number[]): number => libc.syscall(SYSCALL_NUMBERS[process.arch]?.kcmp ?? 0, ...args);

function caught(run: () => unknown): KcmpError {
  try {
    run();
  } catch (error) {
    if (error instanceof KcmpError) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' });
}

describe('KcmpError', () => {
  test('is shaped like the system errors of Node, with the arguments of the call', () => {
    const error = caught(() => kcmp(me, me, KCMP_FILE, 1, CLOSED));
    assert.ok(error instanceof Error);
    const { name, code, errno, syscall, pid1, pid2, type, fd1, fd2 } = error;
    assert.deepEqual(
      { name, code, errno, syscall, pid1, pid2, type, fd1, fd2 },
      {
        name: 'KcmpError',
        code: 'EBADF',
        errno: -9,
        syscall: 'kcmp',
        pid1: me,
        pid2: me,
        type: 0,
        fd1: 1,
        fd2: CLOSED,
      },
    );
    assert.match(error.message, /^EBADF: bad file descriptor, kcmp: fd 100001 of pid \d+ is not open$/);
  });

  test('has no property for an argument that the call did not have', () => {
    assert.deepEqual(Object.keys(caught(() => kcmp(NO_PID, me, KCMP_VM))).sort(), [
      'code',
      'errno',
      'pid1',
      'pid2',
      'syscall',
      'type',
    ]);
    const { slot } = caught(() => kcmp(me, me, KCMP_EPOLL_TFD, 1, { efd: CLOSED, tfd: 1 }));
    assert.deepEqual(slot, { efd: CLOSED, tfd: 1, toff: 0 });
  });

  test('has a stack that begins with its name and message, and leads to the caller', () => {
    const { stack = '' } = caught(() => kcmp(me, me, KCMP_FILE, 1, CLOSED));
    assert.match(stack, /^KcmpError: EBADF: bad file descriptor, kcmp: /);
    assert.match(stack, /errors\.test\./);
  });
});

describe('the kernel checks', () => {
  test('first whether both tasks exist: ESRCH, which names the missing one', () => {
    const message = (pid1: number, pid2: number): string =>
      caught(() => kcmp(pid1, pid2, KCMP_FILE, CLOSED, CLOSED)).message;
    assert.match(message(NO_PID, me), /^ESRCH: .*pid 2147483647 does not exist/);
    assert.match(message(me, NO_PID), /pid 2147483647 does not exist/);
    assert.match(message(NO_PID, NO_PID - 1), /pids 2147483647 and 2147483646 do not exist/);
    assert.equal(caught(() => kcmp(NO_PID, me, 8 as KcmpType)).code, 'ESRCH');
  });

  test('for pid 0 nobody, not the caller: ESRCH', () => {
    const error = caught(() => compareTasks(0, me, 'vm'));
    assert.equal(error.code, 'ESRCH');
    assert.match(error.message, /pid 0 names no process; a process names itself by process\.pid/);
  });

  test('then the type: EINVAL', () => {
    assert.equal(caught(() => kcmp(me, me, 8 as KcmpType)).code, 'EINVAL');
  });

  test('then the descriptors: EBADF, which names the closed side or both', () => {
    const message = (fd1: number, fd2: number): string => caught(() => kcmp(me, me, KCMP_FILE, fd1, fd2)).message;
    assert.match(message(CLOSED, 1), new RegExp(`: fd ${CLOSED} of pid ${me} is not open$`));
    assert.match(message(1, CLOSED), new RegExp(`: fd ${CLOSED} of pid ${me} is not open$`));
    assert.match(
      message(CLOSED, CLOSED + 1),
      new RegExp(`: fd ${CLOSED} of pid ${me} and fd ${CLOSED + 1} of pid ${me} are not open$`),
    );
    assert.match(message(CLOSED, CLOSED), new RegExp(`: fd ${CLOSED} of pid ${me} is not open$`));
  });

  test('of an epoll target first the slot: EFAULT, then idx1, then efd, then the target', () => {
    const efd = libc.epollCreate();
    const slot = new Uint8Array(12);
    const at = libc.addressOf(slot);
    const ask = (fd: number, epoll: number, tfd: number): string => {
      new Uint32Array(slot.buffer).set([epoll, tfd, 0]);
      try {
        return `${raw(me, me, KCMP_EPOLL_TFD, fd, at)}`;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code ?? '';
      }
    };
    assert.throws(() => raw(me, me, KCMP_EPOLL_TFD, CLOSED, 1), { code: 'EFAULT' });
    assert.deepEqual(
      [ask(CLOSED, 1, 1), ask(1, CLOSED, 1), ask(1, 1, 1), ask(1, efd, 1)],
      ['EBADF', 'EBADF', 'EINVAL', 'ENOENT'],
    );
    libc.close(efd);
  });

  test("a zombie's descriptors: EBADF, while two zombies without memory compare as the same", async () => {
    const zombies = await startZombies();
    try {
      const [a, b] = zombies.pids;
      const error = caught(() => sameFile({ pid: me, fd: 1 }, { pid: a, fd: 1 }));
      assert.equal(error.code, 'EBADF');
      assert.match(error.message, new RegExp(`fd 1 of pid ${a} is not open`));
      assert.equal(compareTasks(a, b, 'vm'), 0);
      assert.notEqual(compareTasks(a, b, 'sighand'), 0);
    } finally {
      await zombies.stop();
    }
  });
});

describe('a process that may not be inspected', () => {
  let asker: Child;
  let target: Child;
  before(async () => {
    [asker, target] = await Promise.all([startChild(), startChild()]);
    const PR_SET_DUMPABLE = 4;
    await target.run(({ libc }, option) => libc.prctl(option, 0), PR_SET_DUMPABLE);
    await asker.run(
      ({ kcmp, libc }, isRoot: boolean, nobody: number) => {
        kcmp.probe(); // loads what the new user might not be allowed to read
        if (!isRoot) return;
        libc.setgid(nobody);
        libc.setuid(nobody);
      },
      isRoot,
      NOBODY,
    );
  });
  after(() => Promise.all([asker.stop(), target.stop()]));

  /** What the unprivileged asker gets. */
  const ask = (...args: number[]): Promise<{ code?: string; message: string } | number> =>
    asker.run(({ kcmp }, args) => {
      try {
        return (kcmp.kcmp as (...args: number[]) => number)(...args);
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        return { ...(code === undefined ? {} : { code }), message };
      }
    }, args);

  test('is EPERM, which names it and not the caller', async () => {
    for (const args of [
      [asker.pid, target.pid, 0, 1, 1],
      [target.pid, asker.pid, 0, 1, 1],
      [target.pid, target.pid, 1],
    ]) {
      const error = await ask(...args);
      assert.ok(typeof error === 'object' && error.code === 'EPERM', JSON.stringify(error));
      assert.match(error.message, new RegExp(`kcmp: pid ${target.pid} may not be inspected: .*CAP_SYS_PTRACE`));
    }
  });

  test('is EPERM before its type and its descriptors are looked at, but after both are found', async () => {
    const codeOf = async (...args: number[]): Promise<string | undefined> => {
      const answer = await ask(...args);
      return typeof answer === 'object' ? answer.code : String(answer);
    };
    assert.equal(await codeOf(asker.pid, target.pid, 8), 'EPERM');
    assert.equal(await codeOf(asker.pid, target.pid, 0, CLOSED, CLOSED), 'EPERM');
    assert.equal(await codeOf(NO_PID, target.pid, 1), 'ESRCH');
  });

  test('may always compare itself', async () => {
    assert.equal(await ask(asker.pid, asker.pid, 0, 1, 1), 0);
    assert.equal(await target.run(({ kcmp }) => kcmp.kcmp(process.pid, process.pid, 1)), 0);
  });

  test('is any process of root for an ordinary user', { skip: needsRoot }, async () => {
    const error = await ask(asker.pid, me, 0, 1, 1);
    assert.ok(typeof error === 'object' && error.code === 'EPERM');
    assert.match(error.message, new RegExp(`pid ${me} may not be inspected`));
  });
});
