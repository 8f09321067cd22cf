/** identifyFiles with kcmp(2), and in processes whose seccomp filter blocks, hides or narrows it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { KcmpError, sameFile, type FileRef } from '../../src/index.ts';
import type { FileIdentity } from '../../src/descriptions/without-kcmp.ts';
import { Fds } from '../support/brute.ts';
import { startChild, type Child } from '../support/child.ts';
import { identifyFiles } from '../support/door.ts';
import { KINDS } from '../support/kinds.ts';
import * as libc from '../support/libc.ts';

const F_DUPFD_QUERY = 1027;
const O_PATH = 0o10000000;
const NO_FD = 100_000;

const { pid } = process;
const fds = new Fds();
const mine = (fd: number): FileRef => ({ pid, fd });

/** What a process answers to each pair: an identity, or the error. */
type Outcome = Partial<FileIdentity> & { code?: string; message?: string; syscall?: string };
const ask = (child: Child, pairs: Array<[FileRef, FileRef]>): Promise<Outcome[]> =>
  child.run(
    ({ door }, pairs: Array<[FileRef, FileRef]>) =>
      Promise.all(
        pairs.map(async ([a, b]): Promise<Outcome> => {
          try {
            return await door.identifyFiles(a, b);
          } catch (error) {
            const { name, code, message, syscall } = error as Record<keyof Outcome | 'name', string>;
            return name === 'KcmpError' ? { code, message, syscall } : { message: `${name}: ${message}` };
          }
        }),
      ),
    pairs,
  );
const askOne = async (child: Child, a: FileRef, b: FileRef): Promise<Outcome> =>
  (await ask(child, [[a, b]]))[0] as Outcome;

/** What the test process has, and gives to its children under the numbers 4, 5, … */
const [socket, otherSocket] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
const [readEnd, writeEnd] = fds.pipe();
const file = fds.add(openSync(import.meta.filename, 'r'));
const GIVEN = [socket, readEnd, file];
const [SOCKET, READ_END, FILE] = [4, 5, 6];

const ended = spawnSync('true').pid;
const canQuery = ((): boolean => {
  try {
    return libc.fcntl(1, F_DUPFD_QUERY, 1) === 1;
  } catch {
    return false;
  }
})();
const queryMissing = !canQuery && 'fcntl(F_DUPFD_QUERY) needs Linux 6.10';

after(() => fds.closeAll());

describe('where kcmp can be used', () => {
  test('a duplicate is the same, a second open is different, and kcmp says so', async () => {
    const again = openSync(import.meta.filename, 'r');
    assert.deepEqual(await identifyFiles(mine(file), mine(fds.dup(file))), { relation: 'same', via: 'kcmp' });
    assert.deepEqual(await identifyFiles(mine(file), mine(again)), { relation: 'different', via: 'kcmp' });
    closeSync(again);
  });

  for (const [what, a, b] of [
    ['a closed descriptor', mine(NO_FD), mine(file)],
    ['a missing process', mine(file), { pid: ended, fd: 1 }],
  ] as const) {
    test(`${what} throws what sameFile throws`, async () => {
      let expected: unknown;
      assert.throws(
        () => sameFile(a, b),
        (error) => ((expected = error), error instanceof KcmpError),
      );
      await assert.rejects(
        () => identifyFiles(a, b),
        (error) => {
          assert.deepEqual(error, expected);
          return true;
        },
      );
    });
  }

  test('a bad argument is refused under its name', async () => {
    const bad = identifyFiles as (a: unknown, b?: unknown) => Promise<unknown>;
    await assert.rejects(() => bad(undefined, mine(1)), {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
      message: /"a"/,
    });
    await assert.rejects(() => bad(mine(1)), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', message: /"b"/ });
    await assert.rejects(() => bad(mine(1.5), mine(1)), {
      name: 'RangeError',
      code: 'ERR_OUT_OF_RANGE',
      message: /"a\.fd"/,
    });
    await assert.rejects(() => bad(mine(1), { pid: '1', fd: 1 }), {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
      message: /"b\.pid"/,
    });
    await assert.rejects(() => bad(mine(1), { pid: -1, fd: 1 }), {
      name: 'RangeError',
      code: 'ERR_OUT_OF_RANGE',
      message: /"b\.pid"/,
    });
  });
});

for (const [code, words] of [
  ['EPERM', /seccomp filter blocks kcmp/],
  ['ENOSYS', /kernel has no kcmp/],
] as const) {
  describe(`where kcmp answers ${code}`, () => {
    let child: Child;
    const its = (fd: number): FileRef => ({ pid: child.pid, fd });
    before(async () => {
      child = await startChild({ fds: GIVEN });
      await child.run(({ seccomp }, code) => seccomp.refuseKcmp(code), code);
    });
    after(() => child?.stop());

    test('fcntl tells own duplicates from own second opens', { skip: queryMissing }, async () => {
      const [copy, again] = await child.run(
        ({ libc, fs }, fd, path) => [libc.dup(fd), fs.openSync(path, 'r')] as const,
        FILE,
        import.meta.filename,
      );
      assert.deepEqual(
        await ask(child, [
          [its(FILE), its(copy)],
          [its(FILE), its(again)],
          [its(SOCKET), its(FILE)],
        ]),
        [
          { relation: 'same', via: 'dupfd-query' },
          { relation: 'different', via: 'dupfd-query' },
          { relation: 'different', via: 'dupfd-query' },
        ],
      );
    });

    test('a descriptor is itself, also that of another process', async () => {
      assert.deepEqual(
        await ask(child, [
          [its(FILE), its(FILE)],
          [mine(file), mine(file)],
        ]),
        [
          { relation: 'same', via: 'same-descriptor' },
          { relation: 'same', via: 'same-descriptor' },
        ],
      );
    });

    test('one socket inode is one description, across processes', async () => {
      assert.deepEqual(await askOne(child, its(SOCKET), mine(socket)), { relation: 'same', via: 'socket-inode' });
    });

    test('different inodes are different descriptions', async () => {
      assert.deepEqual(
        await ask(child, [
          [its(SOCKET), mine(otherSocket)],
          [its(FILE), mine(readEnd)],
        ]),
        [
          { relation: 'different', via: 'different-inode' },
          { relation: 'different', via: 'different-inode' },
        ],
      );
    });

    test('a file and both ends of a pipe stay unknown across processes, with the reason', async () => {
      for (const outcome of await ask(child, [
        [its(FILE), mine(file)],
        [its(READ_END), mine(readEnd)],
        [its(READ_END), mine(writeEnd)],
      ])) {
        assert.deepEqual({ ...outcome, reason: '' }, { relation: 'unknown', via: 'none', reason: '' });
        assert.match(outcome.reason ?? '', words);
        assert.match(outcome.reason ?? '', /both are on one inode/);
      }
    });

    test('a closed descriptor is EBADF and a missing process ESRCH, in words that name it', async () => {
      const [own, others, itself, process_] = await ask(child, [
        [its(NO_FD), its(FILE)],
        [its(FILE), mine(NO_FD)],
        [its(NO_FD), its(NO_FD)],
        [its(FILE), { pid: ended, fd: 1 }],
      ]);
      const fdMessage = (pid: number): string =>
        `EBADF: bad file descriptor, kcmp: fd ${NO_FD} of pid ${pid} is not open`;
      assert.deepEqual(own, { code: 'EBADF', syscall: 'kcmp', message: fdMessage(child.pid) });
      assert.deepEqual(others, { code: 'EBADF', syscall: 'kcmp', message: fdMessage(pid) });
      assert.deepEqual(itself, own);
      assert.equal(process_?.code, 'ESRCH');
      assert.match(process_?.message ?? '', new RegExp(`pid ${ended} does not exist`));
    });
  });
}

describe('where a filter allows only own files', () => {
  let child: Child;
  const its = (fd: number): FileRef => ({ pid: child.pid, fd });
  before(async () => {
    child = await startChild({ fds: GIVEN });
    await child.run(({ seccomp }) => seccomp.allowOnlyOwnFiles());
  });
  after(() => child?.stop());

  test('kcmp still tells own files apart, closed ones included', async () => {
    const [different, closed] = await ask(child, [
      [its(SOCKET), its(FILE)],
      [its(NO_FD), its(FILE)],
    ]);
    assert.deepEqual(different, { relation: 'different', via: 'kcmp' });
    assert.equal(closed?.code, 'EBADF');
  });

  test('a socket is found in another process by its inode, and a file stays unknown', async () => {
    assert.deepEqual(await askOne(child, its(SOCKET), mine(socket)), { relation: 'same', via: 'socket-inode' });
    const unknown = await askOne(child, its(FILE), mine(file));
    assert.equal(unknown.relation, 'unknown');
    assert.match(unknown.reason ?? '', /seccomp filter/);
  });

  test('an O_PATH descriptor of a socket has its inode, but is not called the same', async () => {
    const path = fds.add(openSync(`/proc/self/fd/${socket}`, O_PATH));
    assert.equal(sameFile(mine(socket), mine(path)), false);
    assert.equal((await askOne(child, its(SOCKET), mine(path))).relation, 'unknown');
  });

  test('two opens of the name of a unix socket are not called the same', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kcmp-identify-'));
    const server = net.createServer().listen(join(dir, 'socket'));
    await once(server, 'listening');
    const [one, two] = [1, 2].map(() => fds.add(openSync(join(dir, 'socket'), O_PATH | constants.O_NOFOLLOW))) as [
      number,
      number,
    ];
    assert.equal(sameFile(mine(one), mine(two)), false);
    assert.equal((await askOne(child, mine(one), mine(two))).relation, 'unknown');
    server.close();
    rmSync(dir, { recursive: true, force: true });
  });

  test('no answer about descriptors of any kind contradicts kcmp', async () => {
    const open = KINDS.flatMap(({ open }) => {
      const first = fds.add(open());
      return [first, fds.dup(first), fds.add(open())];
    });
    const pairs = open.flatMap((a, i) => open.slice(i).map((b): [FileRef, FileRef] => [mine(a), mine(b)]));
    const outcomes = await ask(child, pairs);
    const known = outcomes.filter((outcome, i) => {
      const [a, b] = pairs[i] as [FileRef, FileRef];
      if (outcome.relation === 'unknown') return false;
      assert.deepEqual([a, b, outcome.relation], [a, b, sameFile(a, b) ? 'same' : 'different']);
      return true;
    });
    assert.ok(known.length > pairs.length / 2, `${known.length} of ${pairs.length} known`);
  });
});
