/** /proc/PID/maps: which lines may be a file. */
import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { after, test } from 'node:test';
import { readLink, statIno } from '../../src/procfs/fd.ts';
import { parseMappings, readMappings, statMapping } from '../../src/procfs/maps.ts';
import { needsRoot } from '../support/user.ts';
import { makeTree } from './tree.ts';

const TEXT = `00400000-00401000 r--p 00000000 fd:01 1234                       /opt/a b
7f0000000000-7f0000001000 rw-s 00001000 00:1a 99                 /memfd:x (deleted)
7f0000002000-7f0000003000 rw-p 00000000 00:00 0 
7f0000004000-7f0000005000 r--p 00000000 fd:01 7                  /tmp/two\\012lines
7ffff0000000-7ffff0001000 r-xp 00000000 00:00 0                  [vdso]
`;

test('a mapping is found by its inode number or its name', () => {
  const found = { range: '400000-401000', dev: (0xfd << 20) | 1, ino: 1234n, link: '/opt/a b' };
  assert.deepEqual(parseMappings(TEXT, 1234n, '/elsewhere'), [found]);
  assert.deepEqual(parseMappings(TEXT, 1n, '/opt/a b'), [found]);
  assert.deepEqual(parseMappings(TEXT, 99n, '/x'), [
    { range: '7f0000000000-7f0000001000', dev: 0x1a, ino: 99n, link: '/memfd:x (deleted)' },
  ]);
  assert.equal(parseMappings(TEXT, 1n, '/tmp/two\nlines')[0]?.link, '/tmp/two\nlines');
  assert.deepEqual(parseMappings(TEXT, 5n, '/tmp/x'), []);
});

test('a file that is no such text has none, one that cannot be read is its code', () => {
  const root = makeTree({ '5/maps': TEXT, '6/maps': 'nonsense 1234 \n 1234 1234 ' }, after);
  assert.equal((readMappings(5, 1234n, '/x', root) as unknown[]).length, 1);
  assert.deepEqual(readMappings(6, 1234n, '/x', root), []);
  assert.equal(readMappings(7, 1234n, '/x', root), 'ENOENT');
});

test('who is privileged is told the file of a mapping as statx tells it', { skip: needsRoot }, () => {
  const { pid } = process;
  const fd = openSync(process.execPath, 'r');
  const stat = statIno(pid, fd);
  const link = readLink(pid, fd) as string;
  closeSync(fd);
  assert.ok(typeof stat !== 'string');
  const mappings = readMappings(pid, stat.ino, link);
  assert.ok(Array.isArray(mappings) && mappings.length > 0);
  assert.deepEqual(statMapping(pid, mappings[0] as (typeof mappings)[0]), stat);
});
