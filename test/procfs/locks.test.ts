/** /proc/locks, and the lock lines of fdinfo, as kernels print them. */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { inodeKey } from '../../src/procfs/fd.ts';
import { lockKeyOf, locksOfFdinfo, parseLocks, readLocks, showsLock } from '../../src/procfs/locks.ts';
import { flock, LOCK } from '../support/locks.ts';
import { makeTree } from './tree.ts';

const folder = mkdtempSync(join(tmpdir(), 'kcmp-locks-'));
after(() => rmSync(folder, { recursive: true }));

/** Of Linux 6.18, with who waits behind one that waits, as fs/locks.c prints that, and as kernels before 5.15 print some. */
const TEXT = `1: LEASE  BREAKING  READ 27984 fe:00:2162883 0 EOF
1: -> LEASE  BREAKER   READ 28030 <none>:0 0 EOF
2: OFDLCK ADVISORY  WRITE -1 fe:00:2162835 100 EOF
3: POSIX  ADVISORY  WRITE 27984 fe:00:2162835 5 14
3: -> POSIX  ADVISORY  WRITE 28029 fe:00:2162835 11 13
3:  -> POSIX  ADVISORY  READ 28031 fe:00:2162835 12 12
4: FLOCK  ADVISORY  READ 27984 08:12:18446744073709551615 0 EOF
5: POSIX  MANDATORY READ 7 fe:00:2162835 0 9223372036854775806
6: LEASE  BREAKING  UNLCK 9 fe:00:5 0 EOF
7: DELEG  ACTIVE    READ 9 fe:00:5 0 EOF
8: ACCESS ADVISORY  WRITE 9 fe:00:5 0 EOF
nonsense
9: FLOCK  ADVISORY  WRITE 1 <none>:0 0 EOF
`;
const FILE = inodeKey(0xfe << 20, 2162835n);
const OTHER = inodeKey(0xfe << 20, 5n);

test('locks are told with who waits for them, also behind another', () => {
  assert.deepEqual(
    parseLocks(TEXT, (file) => file === FILE),
    [
      { type: 'ofd', mode: 'write', pid: -1, file: FILE, start: 100n, end: null, waiters: [] },
      {
        type: 'posix',
        mode: 'write',
        pid: 27984,
        file: FILE,
        start: 5n,
        end: 14n,
        waiters: [
          { type: 'posix', mode: 'write', pid: 28029, file: FILE, start: 11n, end: 13n },
          { type: 'posix', mode: 'read', pid: 28031, file: FILE, start: 12n, end: 12n },
        ],
      },
      { type: 'posix', mode: 'read', pid: 7, file: FILE, start: 0n, end: 2n ** 63n - 2n, waiters: [] },
    ],
  );
});

test('a lease that is broken to a read lease was a write lease, and who breaks it names no file', () => {
  const [lease] = parseLocks(TEXT, (file) => file.endsWith(' 2162883'));
  assert.equal(lease?.mode, 'write');
  assert.deepEqual(lease?.waiters, [
    { type: 'lease', mode: 'read', pid: 28030, file: lease?.file, start: 0n, end: null },
  ]);
  assert.deepEqual(
    parseLocks(TEXT, (file) => file === OTHER).map(({ type, mode }) => [type, mode]),
    [
      ['lease', 'read'],
      ['lease', 'read'],
    ],
  );
});

test('a large inode number is exact', () => {
  const key = inodeKey((8 << 20) | 0x12, 2n ** 64n - 1n);
  assert.equal(parseLocks(TEXT, (file) => file === key).length, 1);
});

test('what is missing is the errno, not nothing', (t) => {
  const root = makeTree({ locks: TEXT }, (remove) => t.after(remove));
  assert.equal((readLocks(() => true, root) as unknown[]).length, 8);
  assert.equal(
    readLocks(() => true, `${root}/none`),
    'ENOENT',
  );
});

test('fdinfo shows the locks of a descriptor, on the very file that its own number names', () => {
  const fd = openSync(join(folder, 'a'), 'w');
  const read = (): string => readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
  assert.equal(showsLock(read()), false);
  assert.deepEqual(locksOfFdinfo(read()), []);
  flock(fd, LOCK.exclusive);
  assert.equal(showsLock(read()), true);
  const file = lockKeyOf({ pid: process.pid, fd });
  const [lock, ...others] = locksOfFdinfo(read());
  assert.deepEqual({ ...lock, pid: 0 }, { type: 'flock', mode: 'write', pid: 0, file, start: 0n, end: null });
  assert.deepEqual(others, []);
  closeSync(fd);
  assert.equal(lockKeyOf({ pid: process.pid, fd }), undefined);
});
