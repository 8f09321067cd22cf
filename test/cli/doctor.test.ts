/** kcmp doctor: whether kcmp can work, and what to change, also where it cannot. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { probe } from '../../src/index.ts';
import type { Facts } from '../../src/cli/doctor/facts.ts';
import { diagnose, type Problem } from '../../src/cli/doctor/remedies.ts';
import { type ChildOptions, startChild } from '../support/child.ts';
import { AS_NOBODY, needsRoot, ORDINARY } from '../support/user.ts';
import { kcmp, kcmpIn, kcmpJson, kcmpProcess, type Result } from './command.ts';

type Report = Facts & { problems: Problem[] };
const LABELS = [
  'platform',
  'kernel',
  'architecture',
  'kcmp',
  'types',
  'epoll targets',
  'seccomp',
  'capabilities',
  'pid namespace',
  '/proc',
  'processes',
];

/** `kcmp doctor` in a child under a filter of test/support/seccomp.ts. */
async function doctorUnder(
  filter: 'EPERM' | 'ENOSYS' | 'kill',
  args: string[] = [],
  options: ChildOptions = {},
): Promise<Result> {
  await using child = await startChild(options);
  await child.run(({ seccomp }, filter: string) => {
    if (filter === 'kill') seccomp.killOnKcmp();
    else seccomp.refuseKcmp(filter as 'EPERM');
  }, filter);
  return await kcmpIn(child, 'doctor', ...args);
}

test('it fits one screen, answers first, and tells every fact', async () => {
  const { code, out, err } = await kcmp('doctor');
  assert.equal(err, '');
  assert.match(out, code === 0 ? /^kcmp works here\.\n/ : /^kcmp (works here, with limits|cannot work here)\.\n/);
  assert.ok(out.split('\n').length <= 25, out);
  for (const label of LABELS) assert.match(out, new RegExp(`^${label}  `, 'm'));
});

test('its JSON says the same as probe, and as /proc', async () => {
  const { report } = await kcmpJson<Report>('doctor');
  assert.deepEqual(report.support, probe());
  assert.deepEqual([report.platform, report.arch, report.uid], [process.platform, process.arch, process.getuid?.()]);
  assert.match(report.libc, /^(musl|glibc \d)/);
  assert.equal(report.proc.mounted, true);
  assert.equal(report.proc.own, true);
  if (report.processes !== null) {
    assert.equal(report.processes.listed, report.processes.inspectable + report.processes.refused.length);
    assert.ok(report.processes.inspectable >= 1);
  }
});

describe('under a filter', () => {
  test('that answers EPERM, it names the filter, what works all the same, and the capability, and is 1', async () => {
    const { code, out } = await doctorUnder('EPERM', [], ORDINARY);
    assert.equal(code, 1);
    assert.match(out, /^kcmp works here, with limits\.\n/);
    assert.match(out, /^kcmp +blocked: a seccomp filter blocks kcmp/m);
    assert.match(out, /^seccomp +a filter/m);
    assert.match(out, /; sockets(?: and|,) files on different inodes.* can be told all the same\. To change that:/);
    assert.match(out, /--cap-add=SYS_PTRACE/);
    assert.match(out, /securityContext: \{ capabilities: \{ add: \["SYS_PTRACE"\] \} \}/);
  });

  test('it does not advise the capability to whoever has it', { skip: needsRoot }, async () => {
    const { code, out } = await doctorUnder('EPERM');
    assert.equal(code, 1);
    assert.match(out, /, with CAP_SYS_PTRACE;/);
    assert.doesNotMatch(out, /=SYS_PTRACE|"SYS_PTRACE"/);
    assert.match(out, /--security-opt seccomp=PROFILE\.json/);
  });

  test('whether it can tell its own descriptors is what identifyFiles says', async () => {
    await using child = await startChild();
    const via = await child.run(({ kcmp, libc, seccomp }) => {
      seccomp.refuseKcmp('EPERM');
      const { pid } = process;
      return kcmp.identifyFiles({ pid, fd: libc.eventfd() }, { pid, fd: libc.eventfd() }).via;
    });
    const { out } = await doctorUnder('EPERM', ['--json']);
    assert.equal((JSON.parse(out) as Report).ownFiles, via === 'dupfd-query');
  });

  test('that answers ENOSYS, it names the kernel option and what works all the same, and is 1', async () => {
    const { code, out } = await doctorUnder('ENOSYS');
    assert.equal(code, 1);
    assert.match(out, /^kcmp +missing: /m);
    assert.match(out, /can be told all the same/);
    assert.match(out, /CONFIG_KCMP=y/);
  });

  test('that kills whoever calls kcmp, it survives and says so', async () => {
    const { code, out } = await doctorUnder('kill');
    assert.equal(code, 2);
    assert.match(out, /^kcmp +blocked: a seccomp filter kills every process that calls kcmp/m);
    assert.match(out, /^processes +not asked/m);
  });

  test('its JSON has the problems with what mends them', async () => {
    const { code, out } = await doctorUnder('EPERM', ['--json'], ORDINARY);
    assert.equal(code, 1);
    const { problems, support, processes } = JSON.parse(out) as Report;
    assert.deepEqual([support.status, processes], ['blocked', null]);
    assert.deepEqual(
      problems.map(({ weight }) => weight),
      ['limit'],
    );
    assert.ok(problems[0]?.fixes.some((fix) => fix.includes('--cap-add=SYS_PTRACE')));
  });
});

test('an ordinary user is told which processes are refused and what would help, and it is no failure', {
  skip: needsRoot,
}, () => {
  const { code, out, err } = kcmpProcess(['doctor'], AS_NOBODY);
  assert.equal(code, 0, out + err);
  assert.match(
    out,
    /may not be inspected \(pid \d.*\): they are other users', or not dumpable\. To change that:\n {2}- run as the user/,
  );
  const facts = JSON.parse(kcmpProcess(['doctor', '--json'], AS_NOBODY).out) as Facts;
  const { pidNamespace, seccomp } = facts;
  // What helps in a container is no use on a plain machine.
  assert.equal(/Docker|Kubernetes/.test(out), pidNamespace.nested !== false || seccomp.mode === 2);
  const told = (nested: boolean): string =>
    JSON.stringify(diagnose({ ...facts, pidNamespace: { inode: 1, nested }, seccomp: { mode: 0, filters: 0 } }));
  assert.match(told(true), /--cap-add=SYS_PTRACE/);
  assert.doesNotMatch(told(false), /SYS_PTRACE/);
});

test('hidepid is a limit, with the mount option that lifts it', { skip: needsRoot }, () => {
  const mount = [
    'unshare',
    '--mount',
    'sh',
    '-c',
    'mount -t proc -o hidepid=invisible proc /proc && exec "$@"',
    'sh',
    ...AS_NOBODY,
  ];
  const { code, out, err } = kcmpProcess(['doctor'], mount);
  assert.equal(err, '');
  assert.equal(code, 1, out);
  assert.match(out, /^kcmp works here, with limits\.\n/);
  assert.match(out, /^\/proc +hidepid (invisible|2)$/m);
  assert.match(out, /mount -o remount,hidepid=0 \/proc/);
});

test('a /proc of another pid namespace is a limit, with the way to mount the right one', { skip: needsRoot }, () => {
  const { code, out } = kcmpProcess(['doctor'], ['unshare', '--pid', '--fork']);
  assert.equal(code, 1, out);
  assert.match(out, /^pid namespace +\d+, a container's$/m);
  assert.match(out, /\/proc belongs to another pid namespace/i);
  assert.match(out, /unshare --pid --fork --mount-proc/);
});

test('a /proc that is not mounted is a limit', { skip: needsRoot }, () => {
  const { code, out } = kcmpProcess(
    ['doctor'],
    ['unshare', '--mount', 'sh', '-c', 'umount -l /proc && exec "$@"', 'sh'],
  );
  // There the file says what the processor can do, and nothing is loaded in ignorance of that.
  const isBlind = process.arch === 'riscv64';
  assert.equal(code, isBlind ? 2 : 1, out);
  assert.equal(out.includes('does not tell what this one has'), isBlind);
  assert.match(out, /mount -t proc proc \/proc/);
});

test('other platforms are told to use Linux', () => {
  const facts: Facts = {
    platform: 'darwin',
    kernel: '24.0.0',
    arch: 'arm64',
    libc: 'unknown',
    node: '20.19.0',
    uid: 501,
    support: {
      ...probe(),
      status: 'unsupported',
      reason: 'kcmp(2) exists on Linux only',
      fix: 'run it on Linux',
      epollTargets: false,
    },
    seccomp: { mode: null, filters: null },
    capabilities: { effective: null, sysPtrace: null },
    pidNamespace: { inode: null, nested: null },
    proc: { mounted: false, denied: false, own: false, hidepid: null },
    ownFiles: null,
    processes: null,
  };
  assert.deepEqual(diagnose(facts), [
    { weight: 'fatal', what: 'kcmp(2) exists on Linux only', fixes: ['run it on Linux'] },
  ]);
  // Where Node may not read it, to mount it is no help.
  const denied = { ...facts, platform: 'linux' as const, proc: { ...facts.proc, denied: true } };
  assert.deepEqual(diagnose(denied).at(-1)?.fixes, ['run Node with --allow-fs-read=/proc']);
});
