/** KCMP_EPOLL_TFD: every answer and every error, with targets whose number is a label only. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import {
  compareEpollTarget,
  compareFiles,
  isEpollTarget,
  kcmp,
  KCMP_EPOLL_TFD,
  type EpollSlot,
  type FileRef,
} from '../../src/index.ts';
import { startChild, type Child } from '../support/child.ts';
import * as libc from '../support/libc.ts';

const me = process.pid;
const open = new Set<number>();
const keep = (fd: number): number => (open.add(fd), fd);
const close = (fd: number): void => {
  open.delete(fd);
  libc.close(fd);
};
afterEach(() => open.forEach(close));

const file = (fd: number): FileRef => ({ pid: me, fd });
/** A file of which no two descriptions are alike. */
const newFile = (): number => keep(libc.eventfd());
/** An epoll instance of this process with these targets. */
function epoll(...targets: number[]): number {
  const efd = keep(libc.epollCreate());
  for (const fd of targets) libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
  return efd;
}
/** Is it? Asked of all three functions, which must agree. */
function is(fd: number, slot: EpollSlot): boolean {
  const answer = isEpollTarget(file(fd), { pid: me, ...slot });
  const result = kcmp(me, me, KCMP_EPOLL_TFD, fd, slot);
  const ordering = compareEpollTarget(file(fd), { pid: me, ...slot });
  assert.equal(result === 0, answer);
  assert.equal(ordering, result === 0 ? 0 : result === 1 ? -1 : 1);
  return answer;
}
const fails = (code: string, message: RegExp, run: () => unknown): void =>
  assert.throws(run, { name: 'KcmpError', code, message });

describe('a target of an epoll instance', () => {
  test('is the file that was registered, and no other', () => {
    const [watched, other] = [newFile(), newFile()];
    const efd = epoll(watched);
    assert.equal(is(watched, { efd, tfd: watched }), true);
    assert.equal(is(watched, { efd, tfd: watched, toff: 0 }), true);
    assert.equal(is(other, { efd, tfd: watched }), false);
  });

  test('is also found by a duplicate of its descriptor, and through a duplicate of the epoll instance', () => {
    const watched = newFile();
    const efd = keep(libc.dup(epoll(watched)));
    assert.equal(is(keep(libc.dup(watched)), { efd, tfd: watched }), true);
  });

  test('stays under its number when that is closed', () => {
    const watched = newFile();
    const efd = epoll(watched);
    const moved = keep(libc.dup(watched));
    close(watched);
    assert.equal(is(moved, { efd, tfd: watched }), true);
    fails('EBADF', new RegExp(`fd ${watched} of pid ${me} is not open`), () => is(watched, { efd, tfd: watched }));
  });

  test('stays the old file when its number is reused for another', () => {
    const watched = newFile();
    const efd = epoll(watched);
    const moved = keep(libc.dup(watched));
    libc.dup2(newFile(), watched);
    assert.equal(is(moved, { efd, tfd: watched }), true);
    assert.equal(is(watched, { efd, tfd: watched }), false);
  });

  test('is told by toff from the others with the same number, in the order of fdinfo', () => {
    const number = newFile();
    const efd = epoll(number);
    const first = keep(libc.dup(number));
    const files = [first];
    for (let more = 0; more < 3; more++) {
      const next = newFile();
      libc.dup2(next, number);
      libc.epollCtl(efd, libc.EPOLL_CTL_ADD, number, libc.EPOLLIN, BigInt(next));
      files.push(next);
    }
    const data = [...readFileSync(`/proc/self/fdinfo/${efd}`, 'utf8').matchAll(/data: +([0-9a-f]+)/g)].map(([, hex]) =>
      parseInt(hex ?? '', 16),
    );
    assert.equal(data.length, 4);
    for (const [toff, registered] of data.entries()) {
      const expected = registered === number ? first : registered;
      assert.deepEqual(
        files.filter((fd) => is(fd, { efd, tfd: number, toff })),
        [expected],
      );
    }
    fails('ENOENT', /no target with tfd \d+ and toff 4/, () => is(first, { efd, tfd: number, toff: 4 }));
  });

  test('can stand under several numbers', () => {
    const watched = newFile();
    const again = keep(libc.dup(watched));
    const efd = epoll(watched, again);
    assert.equal(is(again, { efd, tfd: watched }), true);
    assert.equal(is(watched, { efd, tfd: again }), true);
  });

  test('may be an epoll instance, whose own targets belong to it alone', () => {
    const watched = newFile();
    const inner = epoll(watched);
    const outer = epoll(inner);
    assert.equal(is(inner, { efd: outer, tfd: inner }), true);
    assert.equal(is(watched, { efd: inner, tfd: watched }), true);
    fails('ENOENT', /no target/, () => is(watched, { efd: outer, tfd: watched }));
  });

  test('is gone after EPOLL_CTL_DEL, and after the last descriptor of its file is closed', () => {
    const [deleted, closed] = [newFile(), newFile()];
    const efd = epoll(deleted, closed);
    libc.epollCtl(efd, libc.EPOLL_CTL_DEL, deleted);
    fails('ENOENT', /no target/, () => is(deleted, { efd, tfd: deleted }));
    close(closed);
    fails('ENOENT', /no target/, () => is(deleted, { efd, tfd: closed }));
  });

  test('orders against a descriptor as its file does', () => {
    const [watched, other] = [newFile(), newFile()];
    const efd = epoll(watched);
    assert.equal(
      compareEpollTarget(file(other), { pid: me, efd, tfd: watched }),
      compareFiles(file(other), file(watched)),
    );
  });

  test('is found in the event loop of this very process', () => {
    // The number by which readdir itself read the folder is closed by now.
    const fds = readdirSync('/proc/self/fd')
      .map(Number)
      .filter((fd) => existsSync(`/proc/self/fdinfo/${fd}`));
    const loops = fds.filter((fd) => readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:[eventpoll]');
    const live = loops.flatMap((efd) =>
      [...readFileSync(`/proc/self/fdinfo/${efd}`, 'utf8').matchAll(/tfd: +(\d+)/g)].filter(([, tfd]) =>
        is(Number(tfd), { efd, tfd: Number(tfd) }),
      ),
    );
    assert.ok(live.length > 0);
  });
});

describe('a target in another process', () => {
  const shared = libc.eventfd();
  const loop = libc.epollCreate();
  let child: Child;
  before(async () => {
    libc.epollCtl(loop, libc.EPOLL_CTL_ADD, shared);
    child = await startChild({ fds: [shared, loop] });
  });
  after(async () => {
    await child.stop();
    [shared, loop].forEach(libc.close);
  });

  test('is the same file as a descriptor of this one that the other inherited', async () => {
    const efd = await child.run(({ libc }) => {
      const efd = libc.epollCreate();
      libc.epollCtl(efd, libc.EPOLL_CTL_ADD, 4);
      return efd;
    });
    assert.equal(isEpollTarget(file(shared), { pid: child.pid, efd, tfd: 4 }), true);
    assert.equal(isEpollTarget({ pid: child.pid, fd: 4 }, { pid: child.pid, efd, tfd: 4 }), true);
    assert.equal(isEpollTarget(file(loop), { pid: child.pid, efd, tfd: 4 }), false);
  });

  test('of an inherited epoll instance keeps the number that it had where it was registered', () => {
    assert.equal(isEpollTarget({ pid: child.pid, fd: 4 }, { pid: child.pid, efd: 5, tfd: shared }), true);
    assert.throws(() => isEpollTarget({ pid: child.pid, fd: 4 }, { pid: child.pid, efd: 5, tfd: 4 }), {
      code: 'ENOENT',
    });
  });
});

describe('a target that cannot be asked about', () => {
  const MAX = 2 ** 32 - 1;

  test('throws EBADF that names the descriptor, the epoll instance or both', () => {
    const watched = newFile();
    const efd = epoll(watched);
    const [closed, gone] = [100_001, 100_002];
    fails('EBADF', new RegExp(`: fd ${closed} of pid ${me} is not open$`), () => is(closed, { efd, tfd: watched }));
    fails('EBADF', new RegExp(`: fd ${gone} of pid ${me} is not open$`), () =>
      is(watched, { efd: gone, tfd: watched }),
    );
    fails('EBADF', new RegExp(`: fd ${closed} of pid ${me} and fd ${gone} of pid ${me} are not open$`), () =>
      is(closed, { efd: gone, tfd: 1 }),
    );
    fails('EBADF', new RegExp(`: fd ${MAX} of pid ${me} is not open$`), () => is(watched, { efd: MAX, tfd: 1 }));
  });

  test('throws EINVAL when efd is no epoll instance', () => {
    const [a, b] = [newFile(), newFile()];
    fails('EINVAL', new RegExp(`fd ${b} of pid ${me} is not an epoll instance`), () => is(a, { efd: b, tfd: a }));
  });

  test('throws ENOENT when there is none, because a no would hide a mistake', () => {
    const watched = newFile();
    const efd = epoll(watched);
    for (const slot of [
      { efd, tfd: 100_001 },
      { efd, tfd: MAX },
      { efd, tfd: watched, toff: 1 },
      { efd, tfd: watched, toff: MAX },
    ]) {
      fails(
        'ENOENT',
        new RegExp(`fd ${efd} of pid ${me} has no target with tfd ${slot.tfd} and toff ${slot.toff ?? 0}`),
        () => is(watched, slot),
      );
    }
  });

  test('does not disturb a question that its own slot asks while it is read', () => {
    const [a, b] = [newFile(), newFile()];
    const efd = epoll(a, b);
    const slot = {
      efd,
      get tfd() {
        assert.equal(is(b, { efd, tfd: b }), true);
        return a;
      },
    };
    assert.equal(is(a, slot), true);
  });
});
