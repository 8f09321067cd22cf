/** /proc/PID/mountinfo: what is mounted where. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { isBelow, parseMounts, readMounts } from '../../src/procfs/kind/mountinfo.ts';
import { internalDevice } from '../support/kinds.ts';

test('a line tells the mount, what it is on, its device, place, type and source', () => {
  const text = [
    '24 27 0:6 / /dev rw,relatime - devtmpfs devtmpfs rw,size=4k',
    '26 24 0:24 / /dev/pts rw master:1 propagate_from:2 - devpts devpts rw,mode=600',
    '27 24 0:25 / /nameless rw - tmpfs  rw',
    'no mount',
    '',
  ].join('\n');
  assert.deepEqual(parseMounts(text), [
    {
      id: 24,
      parent: 27,
      dev: 6,
      root: '/',
      point: '/dev',
      type: 'devtmpfs',
      source: 'devtmpfs',
      options: 'rw,size=4k',
    },
    {
      id: 26,
      parent: 24,
      dev: 24,
      root: '/',
      point: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: 'rw,mode=600',
    },
    { id: 27, parent: 24, dev: 25, root: '/', point: '/nameless', type: 'tmpfs', source: '', options: 'rw' },
  ]);
  assert.deepEqual(parseMounts('98 26 259:3 /a\\040b /mnt/two\\040words\\011- ro - ext4 /dev/sda3 rw\n'), [
    {
      id: 98,
      parent: 26,
      dev: (259 << 20) | 3,
      root: '/a b',
      point: '/mnt/two words\t-',
      type: 'ext4',
      source: '/dev/sda3',
      options: 'rw',
    },
  ]);
});

test('that of this process has the device of /proc, and of a task that is not there nothing is told', () => {
  const mounts = readMounts(process.pid);
  assert.ok(typeof mounts !== 'string');
  const dev = internalDevice(statSync('/proc', { bigint: true }).dev);
  assert.ok(mounts.some((mount) => mount.point === '/proc' && mount.type === 'proc' && mount.dev === dev));
  assert.equal(readMounts(2 ** 30), 'ENOENT');
});

test('what is below a mount point, be it the root', () => {
  const mount = { id: 1, parent: 0, dev: 1, root: '/part', point: '/mnt', type: 'tmpfs', source: '', options: '' };
  const names = ['/mnt/x', '/mnt', '/mnt2/x', '/x'];
  assert.deepEqual(
    names.filter((name) => isBelow(mount, name)),
    ['/mnt/x'],
  );
  assert.deepEqual(
    names.filter((name) => isBelow({ ...mount, point: '/' }, name)),
    names,
  );
});
