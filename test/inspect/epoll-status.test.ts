/** resolveEpoll: where a target is, for every state that one can be in. */
import assert from 'node:assert/strict';
import { fstatSync, readlinkSync } from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import type { EpollReport } from '../../src/inspect/epoll.ts';
import { assertTrue, Fds, only, refs } from '../support/brute.ts';
import { startChild, type Child } from '../support/child.ts';
import { resolveEpoll } from '../support/door.ts';
import * as libc from '../support/libc.ts';
import { noRing } from '../support/ring.ts';
import { needsRoot } from '../support/user.ts';

const me = process.pid;
const fds = new Fds();
afterEach(() => fds.closeAll());

/** The report on an epoll instance of this process, checked against brute force. */
async function resolve(efd: number, pids: number[] = [me]): Promise<EpollReport> {
  const report = await resolveEpoll(me, efd, { pids });
  assertTrue(report, pids);
  return report;
}

describe('a target whose file this process holds', () => {
  test('is live while its number is its file', async () => {
    const [read] = fds.pipe();
    const efd = fds.epoll(read);
    const report = await resolve(efd);
    const target = only(report);
    assert.equal(target.status, 'live');
    assert.deepEqual(target.holders, [{ pid: me, fd: read }]);
    assert.equal(target.numberNow, readlinkSync(`/proc/self/fd/${read}`));
    assert.equal(target.numberReused, false);
    assert.equal(target.reason, undefined);
    assert.deepEqual([report.pid, report.efd, report.stable], [me, efd, true]);
  });

  test('is live with all of its holders when it has other numbers as well', async () => {
    const [read] = fds.pipe();
    const efd = fds.epoll(read);
    const more = [fds.dup(read), fds.dup(read)];
    assert.deepEqual(refs(only(await resolve(efd)).holders), refs([read, ...more].map((fd) => ({ pid: me, fd }))));
  });

  test('is renumbered when its number is closed', async () => {
    const [read] = fds.pipe();
    const efd = fds.epoll(read);
    const moved = fds.dup(read);
    fds.close(read);
    const target = only(await resolve(efd));
    assert.equal(target.status, 'renumbered');
    assert.deepEqual(target.holders, [{ pid: me, fd: moved }]);
    assert.equal(target.numberNow, null);
    assert.equal(target.numberReused, false);
  });

  test('is renumbered and its number reused when the number is another file', async () => {
    const [read] = fds.pipe();
    const [other] = fds.pipe();
    const efd = fds.epoll(read);
    const moved = fds.dup(read);
    fds.dup2(other, read);
    const target = only(await resolve(efd));
    assert.equal(target.status, 'renumbered');
    assert.deepEqual(target.holders, [{ pid: me, fd: moved }]);
    assert.equal(target.numberNow, readlinkSync(`/proc/self/fd/${other}`));
    assert.equal(target.numberReused, true);
  });

  test('is renumbered when the other end of its pipe has taken the number, although the inode is the same', async () => {
    const [read, write] = fds.pipe();
    const efd = fds.epoll(read);
    const moved = fds.dup(read);
    fds.dup2(write, read);
    const target = only(await resolve(efd));
    assert.deepEqual(target.holders, [{ pid: me, fd: moved }]);
    assert.equal(target.numberReused, true);
  });

  test('is live again when its file comes back to its number', async () => {
    const [read] = fds.pipe();
    const efd = fds.epoll(read);
    const moved = fds.dup(read);
    fds.close(read);
    fds.dup2(moved, read);
    assert.equal(only(await resolve(efd)).status, 'live');
  });
});

describe('a target in flight over a unix socket', () => {
  test('is unresolved and unseen, and resolves once it is received', async () => {
    const [here, there] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
    const [read, write] = fds.pipe();
    const efd = fds.epoll(read);
    libc.sendFd(here, read);
    fds.dup2(write, read);

    const inFlight = only(await resolve(efd));
    assert.equal(inFlight.status, 'unresolved');
    assert.equal(inFlight.reason, 'unseen');
    assert.deepEqual(inFlight.holders, []);
    assert.equal(inFlight.numberReused, true);

    const arrived = fds.add(libc.receiveFd(there));
    const target = only(await resolve(efd));
    assert.equal(target.status, 'renumbered');
    assert.equal(target.reason, undefined);
    assert.deepEqual(target.holders, [{ pid: me, fd: arrived }]);
  });
});

/** A packet socket with a ring of packets in the caller's memory, without a descriptor; its number for a while, and its inode. */
function mapPackets(efd: number): bigint {
  const fd = libc.libc('int socket(int, int, int)')(17, 3, 0);
  const [PACKET, RX_RING] = [263, 5];
  const size = 65536; // whole pages of any machine
  const ring = new Uint8Array(Uint32Array.of(size, 1, 2048, size / 2048).buffer);
  libc.libc('int setsockopt(int, int, int, void *, uint)')(fd, PACKET, RX_RING, ring, ring.length);
  libc.mapShared(fd, size);
  libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
  const { ino } = fstatSync(fd, { bigint: true });
  libc.close(fd);
  return ino;
}

test('a target that is but mapped is told with who has it mapped', { skip: needsRoot }, async () => {
  const efd = fds.epoll();
  const ino = mapPackets(efd);
  const target = only(await resolveEpoll(me, efd, { pids: [me] }));
  assert.equal(target.ino, ino);
  assert.deepEqual([target.status, target.elsewhere], ['unresolved', [{ how: 'mapped', pid: me, sure: 'inode' }]]);
});

test('of an instance of io_uring that is but mapped it is possible, and of whoever has one open it is not', {
  skip: noRing,
}, async () => {
  await using child = await startChild();
  // Newer ones of Node have instances of their own.
  const hasOwn = await child.run(({ fs }) =>
    fs.readFileSync('/proc/self/maps', 'latin1').includes('anon_inode:[io_uring]'),
  );
  const [efd, beside] = await child.run(
    async ({ libc, keep }, url: string) => {
      const { openRing } = (await import(url)) as typeof import('../support/ring.ts');
      const efd = libc.epollCreate();
      const [ring, beside] = [openRing(), openRing()];
      keep['mapping'] = libc.mapShared(ring.fd, 4096);
      libc.epollCtl(efd, libc.EPOLL_CTL_ADD, ring.fd);
      libc.close(ring.fd);
      return [efd, beside.fd] as const;
    },
    new URL('../support/ring.ts', import.meta.url).href,
  );
  const ask = async (): Promise<unknown> => only(await resolveEpoll(child.pid, efd, { pids: [child.pid] })).elsewhere;
  assert.deepEqual(await ask(), []);
  await child.run(({ libc }, fd: number) => libc.close(fd), beside);
  assert.deepEqual(await ask(), hasOwn ? [] : [{ how: 'mapped', pid: child.pid, sure: 'possible' }]);
});

describe('a target and another process', () => {
  const common = new Fds();
  const [read] = common.pipe();
  const shared = common.epoll();
  let child: Child;
  before(async () => {
    child = await startChild({ fds: [read, shared] }); // its fds 4 and 5
  });
  after(async () => {
    await child.stop();
    common.closeAll();
  });

  test('is live with the holders of both processes', async () => {
    const target = only(await resolve(fds.epoll(read), [me, child.pid]));
    assert.equal(target.status, 'live');
    assert.deepEqual(
      refs(target.holders),
      refs([
        { pid: me, fd: read },
        { pid: child.pid, fd: 4 },
      ]),
    );
  });

  test('names every holder of a shared instance', async () => {
    const again = fds.dup(shared);
    const { instance } = await resolve(shared, [me, child.pid]);
    const expected = [
      { pid: me, fd: shared },
      { pid: me, fd: again },
      { pid: child.pid, fd: 5 },
    ];
    assert.deepEqual(refs(instance), refs(expected));
  });

  test('is foreign when the child registered it under a number that this process lacks', async () => {
    const pids = [me, child.pid];
    const fd = await child.run(({ libc }) => {
      libc.dup2(libc.eventfd(), 900);
      libc.epollCtl(5, libc.EPOLL_CTL_ADD, 900);
      return 900;
    });
    const seenHere = only(await resolve(shared, pids));
    assert.deepEqual([seenHere.status, seenHere.tfd, seenHere.numberNow], ['foreign', fd, null]);
    const seenThere = await resolveEpoll(child.pid, 5, { pids });
    assertTrue(seenThere, pids);
    assert.equal(only(seenThere).status, 'live');
    assert.deepEqual(refs(seenThere.targets.flatMap((target) => target.holders)), refs(seenHere.holders));
    await child.run(({ libc }) => libc.epollCtl(5, libc.EPOLL_CTL_DEL, 900));
  });

  test('is held by a thread whose table is its own, under the id of that thread', async () => {
    const made = await child.run(({ libc, workerThreads }) => {
      const code = `
        const { parentPort, workerData } = require('node:worker_threads');
        const lib = require('node:module').createRequire(workerData)('koffi').load(null);
        lib.func('int unshare(int)')(0x400); // CLONE_FILES
        parentPort.postMessage(lib.func('int gettid()')());
        setInterval(() => {}, 1e6);`;
      const fd = libc.eventfd();
      const efd = libc.epollCreate();
      libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
      const worker = new workerThreads.Worker(code, { eval: true, workerData: `${process.cwd()}/x.js` });
      return new Promise<{ tid: number; fd: number; efd: number }>((resolve, reject) => {
        worker.on('error', reject);
        worker.on('message', (tid) => {
          libc.close(fd); // the thread's copy of the table still has it
          resolve({ tid, fd, efd });
        });
      });
    });
    const report = await resolveEpoll(child.pid, made.efd, { pids: [child.pid] });
    assert.deepEqual(refs(only(report).holders), [{ pid: made.tid, fd: made.fd }]);
    assert.notEqual(only(report).status, 'unresolved');
    assert.ok(report.coverage.tasks > report.coverage.processes);
  });
});

describe('a target that only another process holds', () => {
  test('is foreign, whether its number is closed or reused here', async () => {
    const [read, write] = fds.pipe();
    const efd = fds.epoll(read);
    await using child = await startChild({ fds: [read] });
    fds.close(read);
    const pids = [me, child.pid];
    const target = only(await resolve(efd, pids));
    assert.equal(target.status, 'foreign');
    assert.deepEqual(target.holders, [{ pid: child.pid, fd: 4 }]);
    assert.equal(target.numberReused, false);
    fds.dup2(write, read);
    const reused = only(await resolve(efd, pids));
    assert.deepEqual([reused.status, reused.numberReused], ['foreign', true]);
  });
});
