/**
 * Result 3, "different but unordered", is reserved: no kernel so far returns it of its own accord. Here one does
 * return it, because a seccomp supervisor, a thread of the same child, has it do so.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SYSCALL_NUMBERS } from '../../src/binding/abi.ts';
import { startChild, type Child } from '../support/child.ts';

describe('when the kernel says different but unordered', () => {
  let child: Child;
  let handed: number;
  /** A test, where the kernel hands over what the supervisor answers. */
  const testUnordered = (name: string, body: () => Promise<void>): Promise<void> =>
    test(name, (t) => (handed === 3 ? body() : t.skip("this kernel does not hand over a supervisor's answer")));
  before(async () => {
    child = await startChild();
    await child.run(async ({ seccomp, startWorker }) => {
      const supervisor = startWorker('./supervisor.ts', { answer: 3 });
      await new Promise((resolve, reject) => supervisor.once('message', resolve).once('error', reject));
      supervisor.postMessage(seccomp.askAboutKcmp());
    });
    // Linux 7.2 on ppc64 hands 0 to the caller, whatever the supervisor answers; 6.1 did not.
    handed = await child.run(
      ({ libc }, kcmp: number) => libc.syscall(kcmp, process.pid, process.pid, 0, 1, 1),
      SYSCALL_NUMBERS[process.arch]?.kcmp ?? 0,
    );
  });
  after(() => child.stop());

  testUnordered('kcmp returns 3, as it is', async () => {
    const results = await child.run(({ kcmp: { kcmp } }) => [
      kcmp(process.pid, process.pid, 0, 1, 1),
      kcmp(process.pid, process.pid, 1),
      kcmp(process.pid, process.pid, 7, 1, { efd: 2, tfd: 3 }),
    ]);
    assert.deepEqual(results, [3, 3, 3]);
  });

  testUnordered('sameFile and isEpollTarget say no', async () => {
    const answers = await child.run(({ kcmp: { sameFile, isEpollTarget } }) => {
      const file = { pid: process.pid, fd: 1 };
      return [sameFile(file, file), isEpollTarget(file, { pid: process.pid, efd: 2, tfd: 3 })];
    });
    assert.deepEqual(answers, [false, false]);
  });

  testUnordered('every comparator throws ERR_KCMP_UNORDERED with the arguments of the call', async () => {
    const errors = await child.run(({ kcmp: { compareFiles, compareEpollTarget, compareTasks, KcmpError } }) => {
      const { pid } = process;
      const attempts = [
        () => compareFiles({ pid, fd: 1 }, { pid, fd: 2 }),
        () => compareEpollTarget({ pid, fd: 1 }, { pid, efd: 2, tfd: 3 }),
        () => compareTasks(pid, pid, 'vm'),
      ];
      return attempts.map((attempt) => {
        try {
          return attempt();
        } catch (error) {
          return error instanceof KcmpError ? { ...error } : error;
        }
      });
    });
    const common = { code: 'ERR_KCMP_UNORDERED', errno: 0, syscall: 'kcmp', pid1: child.pid, pid2: child.pid };
    assert.deepEqual(errors, [
      { ...common, type: 0, fd1: 1, fd2: 2 },
      { ...common, type: 7, fd1: 1, slot: { efd: 2, tfd: 3, toff: 0 } },
      { ...common, type: 1 },
    ]);
  });

  testUnordered('a sort ends with that error instead of a wrong order', async () => {
    const code = await child.run(({ kcmp: { compareFiles } }) => {
      try {
        return [0, 1, 2].map((fd) => ({ pid: process.pid, fd })).sort(compareFiles).length;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
    });
    assert.equal(code, 'ERR_KCMP_UNORDERED');
  });
});
