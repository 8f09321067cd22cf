/** Asking the kernel about sockets: what a socket for that is, what it leaves behind, and why there may be none. */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { describe, test } from 'node:test';
import { openSockDiag } from '../../src/netlink/namespaces.ts';
import { BODY, isRefusal, type Refusal, refusal, type SockDiag } from '../../src/netlink/sock-diag.ts';
import { dumpUnix, getUnix, lookUpUnix } from '../../src/netlink/unix.ts';
import { dumpInet, getInet, lookUpInet } from '../../src/netlink/inet.ts';
import { readFdinfo } from '../../src/procfs/fdinfo.ts';
import { drain } from '../../src/util/drain.ts';
import { INET_TABLES } from '../../src/util/socket.ts';
import { startChild } from '../support/child.ts';
import { answered, ask } from '../support/diag.ts';
import * as libc from '../support/libc.ts';
import { ORDINARY } from '../support/user.ts';
import * as sockets from '../support/sockets.ts';

const NAMESPACES = new URL('../../src/netlink/namespaces.ts', import.meta.url).href;
const UNIX = new URL('../../src/netlink/unix.ts', import.meta.url).href;

const descriptors = (): string[] => readdirSync('/proc/self/fd').map((fd) => `${fd} ${link(fd)}`);
const link = (fd: string): string => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).replace(/\/proc\/.*/, 'the folder itself');
  } catch {
    return 'the folder itself';
  }
};

test('the socket is not inherited, does not block, and is gone when closed', () => {
  const before = descriptors();
  const diag = answered(openSockDiag());
  const added = descriptors().filter((line) => !before.includes(line) && line.includes('socket:'));
  assert.equal(added.length, 1);
  const info = readFdinfo(process.pid, Number.parseInt(added[0] as string, 10));
  const O_NONBLOCK = 0o4000;
  const O_CLOEXEC = 0o2000000;
  assert.ok(typeof info !== 'string');
  assert.equal((info.flags ?? 0) & (O_NONBLOCK | O_CLOEXEC), O_NONBLOCK | O_CLOEXEC);
  drain(dumpUnix(diag));
  diag.close();
  assert.deepEqual(descriptors(), before);
});

test('one socket answers every kind of question, one after the other', () => {
  const [a, b] = sockets.pair(sockets.STREAM);
  ask(function* (diag) {
    for (let round = 0; round < 3; round++) {
      assert.equal(answered(yield* getUnix(diag, sockets.inoOf(a)))?.peer, sockets.inoOf(b));
      for (const table of INET_TABLES) answered(yield* dumpInet(diag, table));
      assert.ok(answered(yield* dumpUnix(diag)).has(sockets.inoOf(b)));
      assert.equal(answered(yield* getUnix(diag, 2 ** 32 - 1)), undefined);
    }
  });
  libc.close(a);
  libc.close(b);
});

test('an ordinary user sees the sockets of root and whose they are', async () => {
  const [a, b] = sockets.pair(sockets.STREAM);
  await using child = await startChild(ORDINARY);
  const seen = await child.run(
    async (_, namespaces: string, unix: string, ino: number) => {
      const { openSockDiag } = (await import(namespaces)) as typeof import('../../src/netlink/namespaces.ts');
      const { getUnix } = (await import(unix)) as typeof import('../../src/netlink/unix.ts');
      return getUnix(openSockDiag() as SockDiag, ino).next().value;
    },
    NAMESPACES,
    UNIX,
    sockets.inoOf(a),
  );
  assert.ok(seen !== undefined && !isRefusal(seen));
  assert.deepEqual([seen.peer, seen.uid], [sockets.inoOf(b), process.getuid?.()]);
  libc.close(a);
  libc.close(b);
});

describe('why there is no answer', () => {
  for (const [code, refused] of [
    ['EPERM', 'blocked'],
    ['EACCES', 'blocked'],
    ['ENOSYS', 'blocked'],
    ['EAFNOSUPPORT', 'blocked'],
    ['EPROTONOSUPPORT', 'no-netlink'],
    ['EMFILE', 'failed'],
  ] as const) {
    test(`a filter that answers socket(2) with ${code}: ${refused}`, async () => {
      await using child = await startChild(ORDINARY);
      const answers = await child.run(
        async ({ seccomp }, namespaces: string, code: 'EPERM') => {
          const { openSockDiag } = (await import(namespaces)) as typeof import('../../src/netlink/namespaces.ts');
          const before = openSockDiag();
          seccomp.refuse('socket', code);
          return ['refused' in before, openSockDiag()];
        },
        NAMESPACES,
        code as 'EPERM',
      );
      assert.deepEqual(answers, [false, { refused, code }]);
    });
  }

  test('a family or a protocol that nobody lists has no handler', () => {
    const AF_APPLETALK = 5;
    const IPPROTO_IGMP = 2;
    ask(function* (diag) {
      const ofFamily = yield* diag.dump(
        (request) => (request.setUint8(BODY, AF_APPLETALK), 24),
        () => undefined,
      );
      // What is wrong with a protocol is said in the message that ends the list.
      const ofProtocol = yield* diag.dump(
        (request) => (request.setUint8(BODY, sockets.AF_INET), request.setUint8(BODY + 1, IPPROTO_IGMP), 56),
        () => undefined,
      );
      for (const errno of [ofFamily, ofProtocol]) {
        assert.equal(errno, -constants.errno.ENOENT);
        assert.deepEqual(refusal(errno as number), { refused: 'no-handler', code: 'ENOENT' });
      }
    });
  });

  test('a question that the kernel does not understand', () => {
    ask(function* (diag) {
      assert.equal(
        diag.get(
          () => 0,
          () => ({}),
        ),
        -constants.errno.EINVAL,
      );
      assert.deepEqual(refusal(-constants.errno.EINVAL), { refused: 'failed', code: 'EINVAL' });
      assert.ok(answered(yield* dumpUnix(diag)).size > 0);
    });
  });

  test('a socket that is closed: each question says so, and none is taken for "no such socket"', () => {
    const diag = answered(openSockDiag());
    diag.close();
    const [pipe, other] = libc.pipe(); // which has the number by now
    const [table] = INET_TABLES as [(typeof INET_TABLES)[number]];
    const at = { address: '127.0.0.1', port: 1 };
    const answers: unknown[] = [
      drain(dumpUnix(diag)),
      drain(getUnix(diag, 1)),
      drain(dumpInet(diag, table)),
      drain(getInet(diag, 'tcp', at, at)),
      drain(lookUpUnix(diag, [1])).refusal,
      drain(
        lookUpUnix(
          diag,
          Array.from({ length: 50 }, (_, i) => i + 1),
        ),
      ).refusal,
      drain(lookUpInet(diag, [1])).refusal,
    ];
    const expected: Refusal = { refused: 'failed', code: 'EBADF' };
    for (const answer of answers) assert.deepEqual(answer, expected);
    libc.close(pipe);
    libc.close(other);
  });
});
