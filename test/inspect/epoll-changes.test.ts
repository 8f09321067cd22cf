/** resolveEpoll while things change: targets that come and go, processes that end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import { readEpoll } from '../../src/inspect/epoll.ts';
import { Fds, only } from '../support/brute.ts';
import { startChild, type Child } from '../support/child.ts';
import { resolveEpoll } from '../support/door.ts';
import * as libc from '../support/libc.ts';

const me = process.pid;
const fds = new Fds();
afterEach(() => fds.closeAll());

/** Ends a process in the middle of a scan, which is synchronous: nothing but the kernel can be waited for. */
function killNow(child: Child): void {
  libc.kill(child.pid, 9);
  while (existsSync(`/proc/${child.pid}/fdinfo/0`)); // a zombie has no descriptors
}

describe('the targets change during the scan', () => {
  let child: Child;
  before(async () => {
    child = await startChild();
  });
  after(() => child.stop());

  /** An instance with a target that nobody holds, so that every process has to be looked at. */
  function withTargetInFlight(...others: number[]): number {
    const [here] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
    const sent = fds.eventfd();
    const efd = fds.epoll(sent, ...others);
    libc.sendFd(here, sent);
    fds.close(sent);
    return efd;
  }

  test('a target that is removed meanwhile is not reported, and the report is stable after another look', async () => {
    const [read] = fds.pipe();
    const efd = withTargetInFlight(read);
    let removed = false;
    const onProgress = (): void => {
      if (!removed) libc.epollCtl(efd, libc.EPOLL_CTL_DEL, read);
      removed = true;
    };
    const report = await resolveEpoll(me, efd, { pids: [me, child.pid], onProgress });
    assert.ok(removed, 'progress was reported');
    assert.equal(only(report).status, 'unresolved');
    assert.equal(report.stable, true);
  });

  test('a target that is added meanwhile is reported where it is', async () => {
    const [read] = fds.pipe();
    const efd = withTargetInFlight();
    let added = false;
    const onProgress = (): void => {
      if (!added) libc.epollCtl(efd, libc.EPOLL_CTL_ADD, read);
      added = true;
    };
    const report = await resolveEpoll(me, efd, { pids: [me, child.pid], onProgress });
    assert.equal(report.stable, true);
    assert.deepEqual(
      report.targets.filter(({ tfd }) => tfd === read).map(({ status, holders }) => ({ status, holders })),
      [{ status: 'live', holders: [{ pid: me, fd: read }] }],
    );
  });

  test('targets that never stop changing end the scan all the same, with stable false', async () => {
    const efd = withTargetInFlight();
    const onProgress = (): void => libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fds.eventfd());
    assert.equal((await resolveEpoll(me, efd, { pids: [me, child.pid], onProgress })).stable, false);
  });

  test('a busy process is resolved again and again without an error, and no answer is invented', async () => {
    // The child registers, moves and closes as fast as it can; a target's file is only ever at tfd and tfd + 1000.
    const efd = await child.run(({ libc, keep }) => {
      const efd = libc.epollCreate();
      const turn = (): void => {
        for (let i = 0; i < 50; i++) {
          libc.dup2(1, 2000 + i); // another file in the number's place, for a moment
          const fd = libc.eventfd();
          libc.dup2(fd, 2000 + i);
          libc.close(fd);
          libc.epollCtl(efd, libc.EPOLL_CTL_ADD, 2000 + i);
          libc.dup2(2000 + i, 3000 + i);
          libc.close(2000 + i);
        }
      };
      keep['timer'] = setInterval(turn, 0);
      return efd;
    });
    for (let round = 0; round < 40; round++) {
      const report = await resolveEpoll(child.pid, efd, { pids: [child.pid] });
      for (const { tfd, holders } of report.stable ? report.targets : []) {
        assert.ok(
          holders.every(({ pid, fd }) => pid === child.pid && (fd === tfd || fd === tfd + 1000)),
          `${tfd}`,
        );
      }
    }
    await child.run(({ keep }) => clearInterval(keep['timer'] as NodeJS.Timeout));
  });
});

describe('a process ends', () => {
  test('another process that ends during the scan is counted, and the rest resolves', async () => {
    await using child = await startChild();
    const [here] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
    const [read] = fds.pipe();
    const sent = fds.eventfd();
    const efd = fds.epoll(read, sent);
    libc.sendFd(here, sent);
    fds.close(sent);
    const gone = await startChild();
    await gone.stop();
    const exit = once(child.process, 'exit');
    let killed = false;
    const onProgress = (): void => {
      if (!killed) killNow(child);
      killed = true;
    };
    const report = await resolveEpoll(me, efd, { pids: [gone.pid, me, child.pid], onProgress });
    await exit;
    assert.deepEqual(report.targets.find(({ tfd }) => tfd === read)?.holders, [{ pid: me, fd: read }]);
    assert.equal(report.targets.length, 2);
    assert.ok(report.coverage.skipped.some(({ pid, code }) => pid === gone.pid && code === 'ESRCH'));
  });

  test('the owner that ends during the scan leaves a report that is not stable', async () => {
    await using child = await startChild();
    const efd = await child.run(({ libc }) => {
      const [here] = libc.socketpair();
      const efd = libc.epollCreate();
      const fd = libc.eventfd();
      libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
      libc.sendFd(here, fd);
      libc.close(fd);
      return efd;
    });
    const exit = once(child.process, 'exit');
    let killed = false;
    const onProgress = (): void => {
      if (!killed) killNow(child);
      killed = true;
    };
    const report = await resolveEpoll(child.pid, efd, { pids: [me, child.pid], onProgress });
    await exit;
    assert.equal(report.stable, false);
  });

  test('the owner that ended before is an error with a code', async () => {
    const child = await startChild();
    const efd = await child.run(({ libc }) => libc.epollCreate());
    await child.stop();
    assert.throws(() => readEpoll(child.pid, efd), { code: 'ESRCH' });
    await assert.rejects(() => resolveEpoll(child.pid, efd), { code: 'ESRCH' });
  });
});
