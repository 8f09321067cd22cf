/** refusalReason: why a process may not be looked at, each refusal made by the mechanism that it names. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, describe, test } from 'node:test';
import { refusalReason } from '../../src/scan/reason.ts';
import { startChild, type Child, type ChildOptions } from '../support/child.ts';
import { AS_NOBODY, needsRoot, NOBODY, ORDINARY, works } from '../support/user.ts';

const MODULE = new URL('../../src/scan/reason.ts', import.meta.url).href;
const ended = spawnSync('true').pid;

const withOtherProc = (mount: string, ...then: string[]): string[] => [
  'unshare',
  '--mount',
  'sh',
  '-c',
  `mount ${mount} /proc && exec ${then.join(' ')} "$@"`,
  'sh',
];

/** With a wrapper that cannot start anything here, a test is skipped. */
const HIDEPID = withOtherProc('-t proc -o hidepid=2 proc', ...AS_NOBODY);
const NO_PROC = withOtherProc('-t tmpfs none');
const PID_NAMESPACE = ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--kill-child'];
const NO_CAPABILITIES = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];

const children: Child[] = [];
after(() => Promise.all(children.map((child) => child.stop())));
const start = async (options: ChildOptions = {}): Promise<Child> => {
  const child = await startChild(options);
  children.push(child);
  return child;
};

/** Why the observer says that a code came of this process; and what kcmp answers to it. */
const observe = (observer: Child, code: string, pid: number): Promise<{ reason: string; kcmp: string }> =>
  observer.run(
    async ({ kcmp }, module: string, code: string, pid: number) => {
      const { refusalReason } = (await import(module)) as { refusalReason: (code: string, pid: number) => string };
      const reason = refusalReason(code, pid);
      try {
        return { reason, kcmp: `${kcmp.compareTasks(process.pid, pid, 'sighand')}` };
      } catch (error) {
        return { reason, kcmp: (error as NodeJS.ErrnoException).code ?? String(error) };
      }
    },
    MODULE,
    code,
    pid,
  );

const adviceOf = (observer: Child, reason: string): Promise<string> =>
  observer.run(
    async (_, module: string, reason: string) =>
      ((await import(module)) as { refusalAdvice: (reason: string) => string }).refusalAdvice(reason),
    MODULE,
    reason,
  );

describe('EPERM and EACCES', () => {
  test('name a process that is not dumpable', async () => {
    const [observer, subject] = await Promise.all([start(ORDINARY), start(ORDINARY)]);
    await subject.run(({ libc }) => libc.prctl(4, 0)); // PR_SET_DUMPABLE
    for (const code of ['EPERM', 'EACCES']) {
      const { reason, kcmp } = await observe(observer, code, subject.pid);
      assert.match(reason, /^not dumpable/);
      assert.equal(kcmp, 'EPERM');
      // It is the same user's already.
      assert.equal(await adviceOf(observer, reason), '; run as root, or with CAP_SYS_PTRACE');
    }
  });

  test('name another user by its uid', { skip: needsRoot }, async () => {
    const observer = await start(ORDINARY);
    for (const code of ['EPERM', 'EACCES']) {
      assert.deepEqual(await observe(observer, code, process.pid), { reason: "another user's (uid 0)", kcmp: 'EPERM' });
    }
  });

  test('name another group by its gid', { skip: needsRoot }, async () => {
    const [observer, subject] = await Promise.all([start(ORDINARY), start({ uid: NOBODY, gid: 12345 })]);
    assert.deepEqual(await observe(observer, 'EPERM', subject.pid), {
      reason: "another group's (gid 12345)",
      kcmp: 'EPERM',
    });
  });

  test('name a process with more capabilities, although the user is the same', {
    skip: needsRoot || (!works(NO_CAPABILITIES) && 'setpriv cannot drop capabilities'),
  }, async () => {
    const observer = await start({ wrapper: NO_CAPABILITIES });
    const { reason, kcmp } = await observe(observer, 'EPERM', process.pid);
    assert.match(reason, /^more privileged/);
    assert.equal(kcmp, 'EPERM');
  });

  test('EPERM names a seccomp filter, EACCES does not come of one', async () => {
    const observer = await start();
    await observer.run(({ seccomp }) => seccomp.refuseKcmp('EPERM'));
    const { reason, kcmp } = await observe(observer, 'EPERM', process.pid);
    assert.match(reason, /^a seccomp filter blocks kcmp/);
    assert.equal(kcmp, 'EPERM');
    assert.doesNotMatch((await observe(observer, 'EACCES', process.pid)).reason, /seccomp/);
  });

  test('name a sandbox such as that of Landlock', async (t) => {
    const observer = await start();
    const refusal = await observer.run(({ landlock }) => landlock.confine());
    if (refusal !== undefined) return t.skip(`no Landlock here: ${refusal}`);
    const { reason, kcmp } = await observe(observer, 'EPERM', process.pid);
    assert.match(reason, /^outside of this sandbox/);
    assert.equal(kcmp, 'EPERM');
  });
});

describe('ENOENT and ESRCH', () => {
  test('say that the process ended', () => {
    for (const code of ['ENOENT', 'ESRCH']) assert.equal(refusalReason(code, ended), 'ended meanwhile');
    assert.equal(refusalReason('ESRCH', 0), 'ended meanwhile');
  });

  test('tell a process that hidepid hides from one that ended', {
    skip: needsRoot || (!works(HIDEPID) && 'hidepid cannot be set here'),
  }, async () => {
    const observer = await start({ wrapper: HIDEPID });
    assert.deepEqual(await observe(observer, 'ENOENT', process.pid), {
      reason: "hidden by /proc's option hidepid",
      kcmp: 'EPERM',
    });
    assert.equal((await observe(observer, 'EPERM', process.pid)).reason, "hidden by /proc's option hidepid");
    assert.deepEqual(await observe(observer, 'ENOENT', ended), { reason: 'ended meanwhile', kcmp: 'ESRCH' });
  });

  test('name the pid namespace where /proc is an outer one', {
    skip: !works(PID_NAMESPACE) && 'pid namespaces may not be created here',
  }, async () => {
    const observer = await start({ wrapper: PID_NAMESPACE });
    const { reason, kcmp } = await observe(observer, 'ESRCH', process.pid);
    assert.match(reason, /^in another pid namespace/);
    assert.equal(kcmp, 'ESRCH');
  });

  test('say that there is no /proc', {
    skip: needsRoot || (!works(NO_PROC) && 'mount namespaces may not be created here'),
  }, async () => {
    const observer = await start({ wrapper: NO_PROC });
    assert.equal((await observe(observer, 'ENOENT', process.pid)).reason, '/proc is not mounted');
  });
});

test('other codes are put into words as well, and an unknown one is left as it is', () => {
  const { pid } = process;
  assert.equal(refusalReason('EBADF', pid), 'closed meanwhile');
  assert.equal(refusalReason('EAGAIN', pid), 'changed all the while');
  assert.match(refusalReason('ENOSYS', pid), /^this kernel has no kcmp/);
  assert.equal(refusalReason('EMFILE', pid), 'too many open files');
  assert.equal(refusalReason('ERR_KCMP_UNORDERED', pid), 'ERR_KCMP_UNORDERED');
});
