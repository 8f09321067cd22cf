/** resolveEpoll without privileges: what may not be read is counted, and never taken for "nobody". */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { EpollReport } from '../../src/inspect/epoll.ts';
import { Fds } from '../support/brute.ts';
import { startChild, type Child } from '../support/child.ts';
import { resolveEpoll } from '../support/door.ts';
import { needsRoot, ORDINARY } from '../support/user.ts';

/**
 * Two processes of one ordinary user with a pipe in common (fd 4): the observer watches it, and only the
 * subject, which makes itself unreadable (not dumpable), still holds it.
 */
const fds = new Fds();
const [pipe] = fds.pipe();
let observer: Child;
let subject: Child;
let watching: number;
let hidden: number;
before(async () => {
  [observer, subject] = await Promise.all([
    startChild({ ...ORDINARY, fds: [pipe] }),
    startChild({ ...ORDINARY, fds: [pipe] }),
  ]);
  watching = await observer.run(({ libc }) => {
    const efd = libc.epollCreate();
    libc.epollCtl(efd, libc.EPOLL_CTL_ADD, 4);
    libc.close(4);
    return efd;
  });
  hidden = await subject.run(({ libc }) => {
    const PR_SET_DUMPABLE = 4;
    const efd = libc.epollCreate();
    libc.prctl(PR_SET_DUMPABLE, 0);
    return efd;
  });
});
after(async () => {
  await Promise.all([observer?.stop(), subject?.stop()]);
  fds.closeAll();
});

const observe = (...pids: number[]): Promise<EpollReport> =>
  observer.run(
    ({ door }, efd: number, pids: number[]) => door.resolveEpoll(process.pid, efd, { pids }),
    watching,
    pids,
  );

test('a target that only a refused process holds is unresolved because something was unreadable', async () => {
  const { targets, coverage } = await observe(observer.pid, subject.pid);
  assert.deepEqual(
    targets.map(({ status, reason, holders }) => ({ status, reason, holders })),
    [{ status: 'unresolved', reason: 'unreadable', holders: [] }],
  );
  const [skipped, ...others] = coverage.skipped.filter(({ pid }) => pid === subject.pid);
  assert.equal(others.length, 0);
  assert.match(skipped?.code ?? '', /^(EACCES|EPERM)$/);
  assert.equal(coverage.processes, 1);
});

test('the same target is unseen when everything that was asked for could be read', async () => {
  const { targets, coverage } = await observe(observer.pid);
  assert.equal(targets[0]?.reason, 'unseen');
  assert.deepEqual(coverage.skipped, []);
});

test('a scan of every process resolves it as well as it may, and throws nothing', async () => {
  const efd = watching;
  const { targets, coverage } = await observer.run(({ door }, efd: number) => door.resolveEpoll(process.pid, efd), efd);
  assert.equal(targets.length, 1);
  assert.ok(coverage.skipped.length > 0);
});

test('an instance whose fdinfo may not be read is an error that names the refusal', async () => {
  await assert.rejects(
    observer.run(({ kcmp }, pid: number, efd: number) => kcmp.readEpoll(pid, efd), subject.pid, hidden),
    ({ code }: NodeJS.ErrnoException) => code === 'EACCES' || code === 'EPERM',
  );
  await assert.rejects(
    observer.run(({ door }, pid: number, efd: number) => door.resolveEpoll(pid, efd), subject.pid, hidden),
    ({ code }: NodeJS.ErrnoException) => code === 'EACCES' || code === 'EPERM',
  );
});

test('where targets cannot be compared at all, as before Linux 4.13, resolving them is an error', async () => {
  await using filtered = await startChild();
  const asked = filtered.run(({ kcmp, door, libc, seccomp }) => {
    seccomp.refuseEpollTargets();
    const { status, epollTargets } = kcmp.probe();
    if (status !== 'available' || epollTargets) throw new Error('the filter does not work');
    const [read] = libc.pipe();
    const efd = libc.epollCreate();
    libc.epollCtl(efd, libc.EPOLL_CTL_ADD, read);
    return door.resolveEpoll(process.pid, efd, { pids: [] });
  });
  await assert.rejects(asked, {
    code: 'EINVAL',
    message: /this kernel cannot compare epoll targets; KCMP_EPOLL_TFD needs Linux 4\.13/,
  });
});

test('root resolves the target that was refused', { skip: needsRoot }, async () => {
  const { targets } = await resolveEpoll(observer.pid, watching, { pids: [observer.pid, subject.pid] });
  assert.deepEqual(
    targets.map(({ status, holders }) => ({ status, holders })),
    [{ status: 'foreign', holders: [{ pid: subject.pid, fd: 4 }] }],
  );
});
