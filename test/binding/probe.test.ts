/** probe, and the errors of calls, under the filters that containers and browsers install. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { hasPtrace } from '../../src/binding/privilege.ts';
import { probe, type KcmpStatus, type KcmpSupport } from '../../src/index.ts';
import { startChild, type Child } from '../support/child.ts';

const RESOURCES = ['vm', 'files', 'fs', 'sighand', 'io', 'sysvsem'] as const;
const every = (status: KcmpStatus): KcmpSupport['types'] =>
  Object.fromEntries(['file', ...RESOURCES].map((name) => [name, status])) as KcmpSupport['types'];

/** A child that has installed one of the filters on itself. */
function filtered(install: 'EPERM' | 'ENOSYS' | 'kill' | 'own files'): {
  child: () => Child;
  probe(isolated?: boolean): Promise<KcmpSupport>;
} {
  let child: Child;
  before(async () => {
    child = await startChild();
    await child.run(({ seccomp }, install) => {
      if (install === 'kill') seccomp.killOnKcmp();
      else if (install === 'own files') seccomp.allowOnlyOwnFiles();
      else seccomp.refuseKcmp(install);
    }, install);
  });
  after(() => child.stop());
  return {
    child: () => child,
    probe: (isolated = false) => child.run(({ kcmp }, isolated) => kcmp.probe({ isolated }), isolated),
  };
}

/** The error of a call in the child on itself. */
const errorOf = (child: Child): Promise<{ code?: string | undefined; message: string }> =>
  child.run(({ kcmp }) => {
    try {
      kcmp.kcmp(process.pid, process.pid, 1);
      return { message: 'none' };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return { code, message };
    }
  });

describe('probe without any filter', () => {
  test('says that every type is available, on this kernel and architecture', () => {
    const { reason, ...found } = probe();
    assert.deepEqual(found, {
      status: 'available',
      types: every('available'),
      epollTargets: true,
      kernel: release(),
      arch: process.arch,
    });
    assert.match(reason, /\w/);
  });

  test('says the same in a child process', () => {
    assert.deepEqual(probe({ isolated: true }), probe());
  });

  test('never throws, whatever it is given', () => {
    for (const options of [undefined, {}, null, 1, 'isolated', { isolated: 'yes' }, { isolated: undefined }]) {
      assert.equal(probe(options as never).status, 'available');
    }
  });

  test('asks by itself when no child process can be started, if there is no filter that might kill', () => {
    const isFree = /^Seccomp:\t0$/m.test(readFileSync('/proc/thread-self/status', 'latin1'));
    const { execPath } = process;
    process.execPath = '/nonexistent/node';
    try {
      const found = probe({ isolated: true });
      if (isFree) assert.deepEqual(found, probe());
      else assert.equal(found.status, 'unknown');
    } finally {
      process.execPath = execPath;
    }
  });
});

/** The capability only to whoever lacks it. */
const ADVICE = hasPtrace() ? /start the container with a seccomp profile/ : /--cap-add=SYS_PTRACE, or with a seccomp/;

describe('a filter that answers EPERM, as that of containers', () => {
  const sandbox = filtered('EPERM');

  test('is found as blocked, with what to change', async () => {
    const { status, types, epollTargets, reason, fix } = await sandbox.probe();
    assert.deepEqual(
      { status, types, epollTargets },
      { status: 'blocked', types: every('blocked'), epollTargets: false },
    );
    assert.match(reason, /seccomp/);
    assert.match(fix ?? '', ADVICE);
  });

  test('is found by a child process as well', async () => {
    assert.equal((await sandbox.probe(true)).status, 'blocked');
  });

  test('makes every call an EPERM whose message blames the filter, not the process asked about', async () => {
    const { code, message } = await errorOf(sandbox.child());
    assert.equal(code, 'EPERM');
    assert.match(message, /a seccomp filter blocks kcmp in this process/);
    assert.match(message, ADVICE);
    assert.doesNotMatch(message, /may not be inspected/);
  });
});

describe('a filter that answers ENOSYS, as a kernel without kcmp', () => {
  const sandbox = filtered('ENOSYS');

  test('is found as missing, with what to change', async () => {
    const { status, types, epollTargets, reason, fix } = await sandbox.probe();
    assert.deepEqual(
      { status, types, epollTargets },
      { status: 'missing', types: every('missing'), epollTargets: false },
    );
    assert.match(`${reason} ${fix}`, /CONFIG_KCMP/);
  });

  test('makes every call an ENOSYS whose message names the kernel option', async () => {
    const { code, message } = await errorOf(sandbox.child());
    assert.equal(code, 'ENOSYS');
    assert.match(message, /CONFIG_KCMP=y/);
  });
});

describe('a filter that kills the caller, as that of Chromium', () => {
  const sandbox = filtered('kill');

  test('is found as blocked by an isolated probe, and the prober lives on', async () => {
    const { status, types, kills, reason } = await sandbox.probe(true);
    assert.equal(status, 'blocked');
    assert.equal(kills, true);
    assert.deepEqual(types, every('blocked'));
    assert.match(reason, /kills/);
    assert.equal(await sandbox.child().run(() => 'alive'), 'alive');
  });

  test('is not tried out by a process that can start no child', async () => {
    const { status, reason, types } = await sandbox.child().run(({ kcmp }) => {
      const { execPath } = process;
      process.execPath = '/nonexistent/node';
      const found = kcmp.probe({ isolated: true });
      process.execPath = execPath;
      return found;
    });
    assert.equal(status, 'unknown');
    assert.match(reason, /may kill.*ENOENT/);
    assert.deepEqual(types, every('unknown'));
  });

  test('ends a process that calls kcmp without asking so', async () => {
    await assert.rejects(
      sandbox.child().run(({ kcmp }) => kcmp.probe()),
      { code: 'SIGSYS' },
    );
  });
});

describe("a filter that allows only one's own files, as that of Firefox", () => {
  const sandbox = filtered('own files');

  test('is found as blocked, but for the type that works', async () => {
    const { status, types, epollTargets } = await sandbox.probe();
    assert.deepEqual(
      { status, types, epollTargets },
      { status: 'blocked', types: { ...every('blocked'), file: 'available' }, epollTargets: false },
    );
  });

  test('leaves sameFile working on the own process, and refuses any other', async () => {
    const answer = await sandbox.child().run(({ kcmp }, other) => {
      const { pid } = process;
      const own = kcmp.sameFile({ pid, fd: 1 }, { pid, fd: 1 });
      try {
        return [own, kcmp.sameFile({ pid, fd: 1 }, { pid: other, fd: 1 })];
      } catch (error) {
        return [own, (error as NodeJS.ErrnoException).code];
      }
    }, process.pid);
    assert.deepEqual(answer, [true, 'EPERM']);
  });
});
