/** Which epoll instances watch a description. */
import assert from 'node:assert/strict';
import { openSync } from 'node:fs';
import { after, test } from 'node:test';
import type { Watcher } from '../../src/index.ts';
import { Fds } from '../support/brute.ts';
import { startChild } from '../support/child.ts';
import { findHolders, findOpen } from '../support/door.ts';
import * as libc from '../support/libc.ts';

const { pid } = process;
const fds = new Fds();
after(() => fds.closeAll());

async function watchersOf(fd: number, others: number[] = []): Promise<Watcher[]> {
  const { watchers } = await findHolders({ pid, fd }, { pids: [pid, ...others], parts: ['watchers'] });
  assert.ok(watchers !== undefined);
  return watchers;
}
const watch = (efd: number, fd: number): void => libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd, libc.EPOLLIN, 0n);
const EVENTS = ['EPOLLIN', 'EPOLLERR', 'EPOLLHUP'];

test('a description is watched by whom it was given to, whatever its number is now', async () => {
  const [read, write] = fds.pipe();
  const efd = fds.add(libc.epollCreate());
  const number = fds.dup(read);
  assert.deepEqual(await watchersOf(read), []);
  watch(efd, number);
  fds.close(number);
  assert.deepEqual(await watchersOf(read), [{ pid, efd, tfd: number, eventNames: EVENTS }]);
  assert.deepEqual(await watchersOf(write), [], 'the other end has the same inode');
});

test('an instance that several have is told once', async () => {
  const [read] = fds.pipe();
  const efd = fds.add(libc.epollCreate());
  watch(efd, read);
  await using child = await startChild({ fds: [efd] });
  const found = await watchersOf(read, [child.pid]);
  assert.deepEqual(found, [{ pid, efd, tfd: read, eventNames: EVENTS }]);
  fds.close(efd);
  assert.deepEqual(await watchersOf(read, [child.pid]), [{ pid: child.pid, efd: 4, tfd: read, eventNames: EVENTS }]);
});

test('of files that share one inode, and of nested instances, the right one is told', async () => {
  const [watched, other] = [fds.eventfd(), fds.eventfd()];
  const efd = fds.add(libc.epollCreate());
  const outer = fds.add(libc.epollCreate());
  watch(efd, watched);
  watch(outer, efd);
  assert.deepEqual(await watchersOf(watched), [{ pid, efd, tfd: watched, eventNames: EVENTS }]);
  assert.deepEqual(await watchersOf(other), []);
  assert.deepEqual(await watchersOf(efd), [{ pid, efd: outer, tfd: efd, eventNames: EVENTS }]);
});

test('what cannot be watched is watched by nobody, and a reference has the watchers of each file', async () => {
  assert.deepEqual(await watchersOf(fds.add(openSync('/etc/passwd', 'r'))), []);
  const [read] = fds.pipe();
  const efd = fds.add(libc.epollCreate());
  watch(efd, read);
  const { link } = await findHolders({ pid, fd: read }, { pids: [pid], parts: [] });
  const { files } = await findOpen(link as string, { pids: [pid], parts: ['watchers'] });
  assert.deepEqual(files.map(({ watchers }) => watchers?.length).sort(), [0, 1]);
  assert.equal('otherEnd' in (files[0] as object), false);
});
