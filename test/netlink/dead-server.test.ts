/**
 * A process in execve(2) that waits for a dead file server, to close its file. It keeps a lock that whoever looks at its
 * namespaces, its links or its stat waits for, but who asks about sockets does not.
 */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FileServer } from '../support/fuse.ts';
import { startChild } from '../support/child.ts';
import { fuseMissing } from '../support/fuse.ts';
import { until } from '../support/until.ts';

const NAMESPACES = new URL('../../src/netlink/namespaces.ts', import.meta.url).href;
const FUSE = new URL('../support/fuse.ts', import.meta.url).href;
const DEADLINE_MS = 10_000;

const statusOf = (pid: number): string => readFileSync(`/proc/${pid}/status`, 'utf8');

test('its network namespace is told, and entered', { skip: fuseMissing }, async () => {
  await using stuck = await startChild({ wrapper: ['unshare', '--net'] }); // cannot end before the server
  await using server = await startChild({ wrapper: ['unshare', '--mount'] });
  const fd = await server.run(async ({ keep }, url: string) => {
    const { startFileServer } = (await import(url)) as typeof import('../support/fuse.ts');
    const files = await startFileServer(undefined, true);
    keep['files'] = files;
    return files.fd;
  }, FUSE);
  await stuck.run(({ fs }, path: string) => fs.openSync(path, 'r'), `/proc/${server.pid}/fd/${fd}`);
  await server.run(({ keep }) => (keep['files'] as FileServer).die());
  const name = statusOf(stuck.pid).split('\n')[0];
  // Ends all other threads first, and never answers.
  stuck.run(({ libc }) => libc.libc('int execv(str, void *)')('/bin/true', Buffer.alloc(8))).catch(() => {});
  await until('there is one thread left', () => /^Threads:\t1$/m.test(statusOf(stuck.pid)));
  await using asker = await startChild();
  const answer = asker.run(
    async (_, url: string, pid: number) => {
      const { netNamespaces, openSockDiag } = (await import(url)) as typeof import('../../src/netlink/namespaces.ts');
      const { own, ways, unseen } = netNamespaces([process.pid, pid]);
      const [there] = [...ways.keys()].filter((namespace) => namespace !== own);
      return [ways.size, unseen, 'refused' in openSockDiag(there, ways.get(there as number))];
    },
    NAMESPACES,
    stuck.pid,
  );
  assert.deepEqual(await Promise.race([answer, sleep(DEADLINE_MS, 'held up', { ref: false })]), [2, [], false]);
  assert.equal(statusOf(stuck.pid).split('\n')[0], name, 'it is no other program yet');
});
