/** Sockets of other network namespaces, and the way back from there, whatever happens. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { dumpInet } from '../../src/netlink/inet.ts';
import { inNetNamespace, netNamespaces, openSockDiag } from '../../src/netlink/namespaces.ts';
import { readInet } from '../../src/procfs/net.ts';
import { drain } from '../../src/util/drain.ts';
import { INET_TABLES, type InetTable } from '../../src/util/socket.ts';
import { type Child, startChild } from '../support/child.ts';
import { answered, ask } from '../support/diag.ts';
import { startThread } from '../support/scenes.ts';
import { needsRoot, ORDINARY } from '../support/user.ts';

const NAMESPACES = new URL('../../src/netlink/namespaces.ts', import.meta.url).href;
type Namespaces = typeof import('../../src/netlink/namespaces.ts');

const CLONE_NEWNET = 0x40000000;
const [TCP4] = INET_TABLES as [InetTable];

const here = (): string => readlinkSync('/proc/thread-self/ns/net');
const namespaceOf = (pid: number): number => statSync(`/proc/${pid}/net/dev`).ino;
const descriptors = (): number => readdirSync('/proc/self/fd').length;

describe('another network namespace', { skip: needsRoot }, () => {
  let other: Child;
  let port: number;
  before(async () => {
    other = await startChild({ wrapper: ['unshare', '--net'] });
    port = await other.run(({ sockets }) =>
      sockets.portOf(sockets.listener(1, sockets.inetAddress({ address: '0.0.0.0', port: 0 }))),
    );
  });
  after(() => other.stop());
  const go = <T>(work: () => T): { value: T } | string => inNetNamespace(other.pid, namespaceOf(other.pid), work);

  /** What happens to a thread that is there leaves neither it there nor a descriptor behind. */
  function assertBack(what: () => void): void {
    const [home, open] = [here(), descriptors()];
    what();
    assert.equal(here(), home);
    assert.equal(descriptors(), open);
  }

  test('netNamespaces tells which tasks are in which, and who has ended', async () => {
    const ended = await startChild();
    await ended.stop();
    const thread = await startThread(other, CLONE_NEWNET);
    const { own, ways, unseen } = netNamespaces([process.pid, other.pid, process.ppid, thread, ended.pid]);
    assert.equal(own, namespaceOf(process.pid));
    assert.deepEqual(ways.get(own), [process.pid, process.ppid]);
    assert.deepEqual(
      [...ways].filter(([namespace]) => namespace !== own).map(([, pids]) => pids),
      [[other.pid], [thread]],
    );
    assert.deepEqual(unseen, [{ way: ended.pid, code: 'ENOENT' }]);
  });

  test('a socket that was opened there goes on asking there, and this thread is here', () => {
    assertBack(() => {
      const diag = answered(openSockDiag(namespaceOf(other.pid), [other.pid]));
      const there = answered(drain(dumpInet(diag, TCP4, { states: ['LISTEN'] })));
      assert.deepEqual(
        there.map(({ local }) => local.port),
        [port],
      );
      assert.notDeepEqual(
        ask((own) => dumpInet(own, TCP4, { states: ['LISTEN'] })),
        there,
      );
      assert.deepEqual(answered(drain(dumpInet(diag, TCP4, { states: ['LISTEN'] }))), there);
      diag.close();
    });
  });

  test("a thread's own namespace is entered by the thread", async () => {
    const thread = await startThread(other, CLONE_NEWNET);
    assertBack(() => {
      const diag = answered(openSockDiag(namespaceOf(thread), [thread]));
      assert.deepEqual(answered(drain(dumpInet(diag, TCP4))), []);
      diag.close();
    });
  });

  test('one task that is there still is enough', async () => {
    const ended = await startChild();
    await ended.stop();
    assertBack(() => answered(openSockDiag(namespaceOf(other.pid), [ended.pid, process.pid, other.pid])).close());
    assert.deepEqual(openSockDiag(namespaceOf(other.pid), [ended.pid]), { refused: 'no-namespace', code: 'ESRCH' });
    assert.deepEqual(openSockDiag(namespaceOf(other.pid)), { refused: 'no-namespace', code: 'ESRCH' });
  });

  test('the work is done there', () => {
    assertBack(() => assert.deepEqual(go(here), { value: readlinkSync(`/proc/${other.pid}/ns/net`) }));
  });

  for (const thrown of [new Error('by the work'), 'no error at all', undefined]) {
    test(`what the work throws comes back with the thread: ${thrown}`, () => {
      assertBack(() => {
        assert.throws(
          () =>
            go(() => {
              throw thrown;
            }),
          (error) => error === thrown,
        );
      });
    });
  }

  test('a pid that has become a task of another namespace is not visited', () => {
    assertBack(() => {
      assert.equal(
        inNetNamespace(other.pid, namespaceOf(process.pid), () => assert.fail('in the wrong one')),
        'ESRCH',
      );
      assert.equal(
        inNetNamespace(2 ** 30, 1, () => assert.fail('nowhere')),
        'ESRCH',
      );
    });
  });

  test('with little room on the stack left, at every depth', () => {
    const home = here();
    const namespace = namespaceOf(other.pid);
    let overflows = 0;
    let visits = 0;
    const dig = (): void => {
      try {
        dig();
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        // On the way up there is a little more room each time.
        if (visits > 50) return;
        try {
          if (typeof inNetNamespace(other.pid, namespace, here) !== 'string') visits++;
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
          overflows++;
        }
        throw error;
      }
    };
    dig();
    assert.ok(overflows > 0 && visits > 50, `${overflows} overflows, ${visits} visits`);
    assert.equal(here(), home);
  });

  test('a call that is cut off without its finally is made good by the next', async () => {
    await using child = await startChild();
    const [cut, home, back] = await child.run(
      async ({ fs }, namespaces: string, pid: number, namespace: number) => {
        const { inNetNamespace, openSockDiag } = (await import(namespaces)) as Namespaces;
        const { createContext, runInContext } = process.getBuiltinModule('node:vm');
        const here = (): string => fs.readlinkSync('/proc/thread-self/ns/net');
        const home = here();
        const go = (): unknown =>
          inNetNamespace(pid, namespace, () => {
            for (;;);
          });
        let code = '';
        try {
          runInContext('go()', createContext({ go }), { timeout: 50 });
        } catch (error) {
          code = (error as NodeJS.ErrnoException).code ?? '';
        }
        openSockDiag();
        return [code, home, here()];
      },
      NAMESPACES,
      other.pid,
      namespaceOf(other.pid),
    );
    assert.equal(cut, 'ERR_SCRIPT_EXECUTION_TIMEOUT');
    assert.equal(back, home);
  });

  for (const [name, code, expected] of [
    ['setns', 'EPERM', 'EPERM'],
    ['setns', 'ENOSYS', 'ENOSYS'],
    ['pidfd_open', 'ENOSYS', 'visited'],
    ['pidfd_open', 'EPERM', 'visited'],
  ] as const) {
    test(`where ${name} is refused with ${code}: ${expected}`, async () => {
      await using child = await startChild();
      const [answer, home, back, open] = await child.run(
        async ({ fs, seccomp }, namespaces: string, pid: number, namespace: number, name: 'setns', code: 'EPERM') => {
          const { inNetNamespace, openSockDiag } = (await import(namespaces)) as Namespaces;
          const here = (): string => fs.readlinkSync('/proc/thread-self/ns/net');
          openSockDiag();
          const home = here();
          seccomp.refuse(name, code);
          const before = fs.readdirSync('/proc/self/fd').length;
          const answer = inNetNamespace(pid, namespace, () => 'visited');
          return [answer, home, here(), fs.readdirSync('/proc/self/fd').length - before] as const;
        },
        NAMESPACES,
        other.pid,
        namespaceOf(other.pid),
        name as 'setns',
        code as 'EPERM',
      );
      assert.deepEqual(answer, expected === 'visited' ? { value: expected } : expected);
      assert.deepEqual([back, open], [home, 0]);
    });
  }

  test('with no way back it says so, and goes on saying so, with what went wrong before', async () => {
    await using child = await startChild();
    const errors = await child.run(
      async ({ seccomp }, namespaces: string, pid: number, namespace: number) => {
        const { inNetNamespace, openSockDiag } = (await import(namespaces)) as Namespaces;
        const caught = (work: () => unknown): unknown => {
          try {
            return work();
          } catch (error) {
            const { code, message, cause } = error as NodeJS.ErrnoException & { cause?: Error };
            return { code, message, cause: cause?.message };
          }
        };
        const lost = caught(() =>
          inNetNamespace(pid, namespace, () => {
            seccomp.refuse('setns', 'EPERM');
            throw new Error('the first');
          }),
        );
        return [lost, caught(() => openSockDiag()), caught(() => inNetNamespace(pid, namespace, () => 0))];
      },
      NAMESPACES,
      other.pid,
      namespaceOf(other.pid),
    );
    const message =
      'This thread is in the network namespace of another process and cannot go back (setns: EPERM). ' +
      'Whatever it connects to or listens on from now on is there: end this process.';
    const code = 'ERR_NETWORK_NAMESPACE_LOST';
    assert.deepEqual(errors, [
      { code, message, cause: 'the first' },
      { code, message, cause: undefined },
      { code, message, cause: undefined },
    ]);
  });

  test('an ordinary user may not go there, but is told what /proc says', async () => {
    await using child = await startChild(ORDINARY);
    const refused = await child.run(
      async (_, namespaces: string, pid: number, namespace: number) => {
        const { netNamespaces, openSockDiag } = (await import(namespaces)) as Namespaces;
        return [openSockDiag(namespace, [pid]), [...netNamespaces([pid]).ways]];
      },
      NAMESPACES,
      other.pid,
      namespaceOf(other.pid),
    );
    assert.deepEqual(refused, [{ refused: 'no-namespace', code: 'EPERM' }, [[namespaceOf(other.pid), [other.pid]]]]);
    const listed = readInet(other.pid, TCP4);
    assert.ok(typeof listed !== 'string');
    assert.deepEqual(
      listed.map(({ local }) => local.port),
      [port],
    );
  });
});

const noUserNamespace =
  spawnSync('unshare', ['-Ur', 'true'], { uid: ORDINARY.uid, gid: ORDINARY.gid }).status !== 0 &&
  'user namespaces are not for ordinary users here';

test('out of a user namespace whose network is that of its parent nobody goes: there is no way back', {
  skip: noUserNamespace,
}, async () => {
  await using child = await startChild({ ...ORDINARY, wrapper: ['unshare', '-Ur'] });
  const [answer, home, back, direct] = await child.run(async ({ childProcess, fs, libc }, namespaces: string) => {
    const { openSockDiag } = (await import(namespaces)) as Namespaces;
    const sleeper = childProcess.spawn('unshare', ['--net', 'sleep', '1000'], { stdio: 'ignore' });
    const pid = sleeper.pid as number;
    const here = (): string => fs.readlinkSync('/proc/thread-self/ns/net');
    const namespaceOf = (pid: number): number => fs.statSync(`/proc/${pid}/net/dev`).ino;
    const home = here();
    while (namespaceOf(pid) === namespaceOf(process.pid)) await new Promise((resolve) => setTimeout(resolve, 5));
    const answer = openSockDiag(namespaceOf(pid), [pid]);
    const back = here();
    // The way there is open: whoever takes it without a look back is lost.
    const fd = fs.openSync(`/proc/${pid}/ns/net`, 'r');
    const direct = libc.libc('int setns(int, int)')(fd, 0x40000000);
    sleeper.kill();
    return [answer, home, back, direct] as const;
  }, NAMESPACES);
  assert.deepEqual(answer, { refused: 'no-namespace', code: 'EPERM' });
  assert.deepEqual([back, direct], [home, 0]);
});
