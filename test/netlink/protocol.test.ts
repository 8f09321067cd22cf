/** The protocols of sockets, by their attribute. */
import assert from 'node:assert/strict';
import { openSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { socketProtocol } from '../../src/netlink/protocol.ts';
import { listDescriptors } from '../../src/procfs/fd.ts';
import { startChild } from '../support/child.ts';
import * as libc from '../support/libc.ts';
import { needsRoot, ORDINARY } from '../support/user.ts';
import * as sockets from '../support/sockets.ts';

const open: number[] = [];
afterEach(() => open.splice(0).forEach(libc.close));
const keep = (fd: number): number => (open.push(fd), fd);

for (const [family, type, protocol] of [
  [sockets.AF_UNIX, sockets.STREAM, 'UNIX-STREAM'],
  [sockets.AF_UNIX, sockets.DGRAM, 'UNIX'],
  [sockets.AF_INET, sockets.STREAM, 'TCP'],
  [sockets.AF_INET, sockets.DGRAM, 'UDP'],
  [sockets.AF_INET6, sockets.STREAM, 'TCPv6'],
  [sockets.AF_INET6, sockets.DGRAM, 'UDPv6'],
  [sockets.AF_NETLINK, sockets.DGRAM, 'NETLINK'],
] as const) {
  test(`socketProtocol names ${protocol}`, (t) => {
    let fd: number;
    try {
      fd = keep(sockets.socket(family, type));
    } catch (error) {
      return t.skip(`no such socket here: ${(error as Error).message}`);
    }
    const answer = socketProtocol(process.pid, fd);
    // Linux before 5.15 has one name for all of AF_UNIX.
    const older = protocol.replace(/-STREAM$/, '');
    assert.deepEqual(answer, { protocol: typeof answer !== 'string' && answer.protocol === older ? older : protocol });
  });
}

test('socketProtocol says what is no socket, and leaves no descriptor', () => {
  const before = listDescriptors(process.pid);
  const [read, write] = libc.pipe();
  open.push(read, write, openSync('/', 'r'));
  for (const fd of open) assert.equal(socketProtocol(process.pid, fd), 'ENOTSOCK');
  assert.equal(socketProtocol(process.pid, 2 ** 30), 'ENOENT');
  assert.equal(socketProtocol(2 ** 30, 0), 'ENOENT');
  open.splice(0).forEach(libc.close);
  assert.deepEqual(listDescriptors(process.pid), before);
});

test('socketProtocol asks about other processes too, as far as they may be looked at', {
  skip: needsRoot,
}, async () => {
  await using other = await startChild({ wrapper: ['unshare', '--net'] });
  const fd = await other.run(({ sockets }) => sockets.socket(2, 1));
  assert.deepEqual(socketProtocol(other.pid, fd), { protocol: 'TCP' });
  await using child = await startChild(ORDINARY);
  const answer = await child.run(
    async (_, url: string, pid: number, fd: number) => {
      const { socketProtocol } = (await import(url)) as typeof import('../../src/netlink/protocol.ts');
      return socketProtocol(pid, fd);
    },
    new URL('../../src/netlink/protocol.ts', import.meta.url).href,
    other.pid,
    fd,
  );
  assert.equal(answer, 'EACCES');
});
