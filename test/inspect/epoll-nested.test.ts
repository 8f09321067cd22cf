/** resolveEpoll: epoll instances that are targets themselves, and every event loop of a Node process. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { listEpolls } from '../../src/inspect/epoll.ts';
import { assertTrue, Fds, only } from '../support/brute.ts';
import { startChild } from '../support/child.ts';
import { resolveEpoll } from '../support/door.ts';

const me = process.pid;
const fds = new Fds();
afterEach(() => fds.closeAll());

test('each of four nested instances is the target of the next', async () => {
  const chain = [fds.epoll(fds.eventfd())];
  for (let level = 1; level < 4; level++) chain.push(fds.epoll(chain.at(-1) as number));
  for (const [level, efd] of chain.entries()) {
    const report = await resolveEpoll(me, efd, { pids: [me] });
    assertTrue(report, [me]);
    if (level > 0) assert.deepEqual(only(report).holders, [{ pid: me, fd: chain[level - 1] }]);
  }
});

test('a nested instance whose number another instance has taken is found where it went', async () => {
  const inner = fds.epoll(fds.eventfd());
  const outer = fds.epoll(inner);
  const moved = fds.dup(inner);
  fds.dup2(outer, inner);
  const report = await resolveEpoll(me, outer, { pids: [me] });
  assertTrue(report, [me]);
  assert.deepEqual(only(report).holders, [{ pid: me, fd: moved }]);
  assert.equal(only(report).numberReused, true);
});

test('every target of every event loop of a Node process with a server, a client, a worker and a child of its own resolves', async () => {
  await using child = await startChild();
  const grandchild = await child.run(async ({ childProcess, net, workerThreads, keep }) => {
    const server = net.createServer((socket) => (keep['accepted'] = socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const client = net.connect((server.address() as { port: number }).port, '127.0.0.1');
    await new Promise((resolve) => client.once('connect', resolve));
    keep['worker'] = new workerThreads.Worker('setInterval(() => {}, 1e6)', { eval: true });
    await new Promise((resolve) => (keep['worker'] as import('node:worker_threads').Worker).once('online', resolve));
    return (keep['cat'] = childProcess.spawn('cat')).pid as number;
  });
  const pids = [me, child.pid, grandchild];
  const loops = listEpolls(child.pid);
  assert.ok(loops.length >= 2, 'the main thread and the worker have a loop each');
  for (const efd of loops) {
    const report = await resolveEpoll(child.pid, efd, { pids });
    assertTrue(report, pids);
    assert.deepEqual(
      report.targets.filter(({ status }) => status !== 'live'),
      [],
    );
  }
});
