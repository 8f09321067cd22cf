/** kcmp who: the holders of a description, and those of others on its inode. */
import { isAlone } from '../support/alone.ts';
import assert from 'node:assert/strict';
import fs, { openSync, readlinkSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { HolderReport } from '../../src/index.ts';
import { findHolders } from '../../src/index.ts';
import { startChild, type Child } from '../support/child.ts';
import { startThread } from '../support/scenes.ts';
import { kcmp, kcmpJson, mask, squeeze, pipe as newPipe } from './command.ts';

const DATE = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g;
const me = process.pid;
// Node closes what it was started with on exec, so all of these are close-on-exec.
let child: Child;
let pipe: [number, number];
before(async () => {
  pipe = newPipe();
  child = await startChild({ fds: [pipe[1]] });
  await child.run(({ fs }) => fs.writeFileSync('/proc/self/comm', 'writer'));
});
after(() => child.stop());

test('a pipe that does not end shows who else has its write end, then who has the read end', async () => {
  const { code, out } = await kcmp('who', `${me}:${pipe[1]}`);
  assert.equal(code, 0);
  const link = readlinkSync(`/proc/self/fd/${pipe[1]}`);
  const masked = squeeze(
    mask(out.replaceAll(DATE, 'DATE'), { LINK: link, ME: me, CHILD: child.pid, READ: pipe[0], WRITE: pipe[1] }),
  )
    .replaceAll(/(ME \()[^)]+|(DATE {2})(?!writer).+/g, '$1$2NAME')
    .replaceAll(/^ +/gm, '');
  const [sentence, ...rest] = masked.split('\n');
  assert.equal(sentence, 'fd WRITE of ME (NAME), LINK, is held by 2 descriptors of 2 processes.');
  assert.deepEqual(
    rest.filter((line) => line.startsWith('PID')),
    ['PID  FD  MODE  CLOEXEC  STARTED  COMMAND', 'PID  FD  MODE  CLOEXEC  STARTED  COMMAND'],
  );
  assert.ok(rest.includes('CHILD  4  w  yes  DATE  writer'), masked);
  assert.ok(rest.includes('ME  WRITE  w  yes  DATE  NAME'), masked);
  const other = rest.indexOf('Its other end, read end of LINK, is held by 1 descriptor of 1 process.');
  assert.ok(other > rest.indexOf('CHILD  4  w  yes  DATE  writer'), masked);
  assert.ok(rest.indexOf('ME  READ  r  yes  DATE  NAME') > other, masked);
});

test('the start times are those of the processes', async () => {
  const { out } = await kcmp('who', `${child.pid}:4`);
  const started = /(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) {2}writer/.exec(out)?.[1] ?? '';
  assert.ok(Math.abs(new Date(started).getTime() - Date.now()) < 300_000, started);
});

test('when the machine started is read once, however many holders there are', async (t) => {
  await child.run(({ keep, libc }) => {
    keep['copies'] = Array.from({ length: 20 }, () => libc.dup(4));
  });
  const read = t.mock.method(fs, 'readFileSync');
  const { out } = await kcmp('who', `${child.pid}:4`);
  await child.run(({ keep, libc }) => (keep['copies'] as number[]).forEach(libc.close));
  assert.ok((out.match(DATE) ?? []).length > 20, out);
  assert.ok(read.mock.calls.filter(({ arguments: [path] }) => path === '/proc/stat').length <= 1);
});

test('--json is the report of findHolders', async () => {
  const { code, report } = await kcmpJson<HolderReport>('who', `${child.pid}:4`);
  assert.equal(code, 0);
  const expected = findHolders({ pid: child.pid, fd: 4 });
  const plain = (holders: HolderReport['holders']): unknown =>
    holders.map((holder) => ({ ...holder, started: holder.started?.toISOString() }));
  assert.deepEqual(report.file, expected.file);
  assert.deepEqual([report.kind, report.link], [expected.kind, expected.link]);
  assert.deepEqual(report.holders, plain(expected.holders));
  assert.deepEqual(report.sameInode, plain(expected.sameInode));
  assert.deepEqual(Object.keys(report.coverage).sort(), ['descriptors', 'processes', 'skipped', 'tasks']);
});

test('a file that nobody else holds is 1, or 2 when not everything could be seen', async () => {
  const fd = openSync('/dev/null', 'r');
  const { code, out, err } = await kcmp('who', `${me}:${fd}`);
  if (isAlone || err === '') {
    assert.deepEqual([code, err], [1, '']);
    assert.match(out, /is held by nobody else\.\n/);
  } else {
    assert.equal(code, 2);
    assert.match(out, /is held by nobody else that could be seen\.\n/);
    assert.match(err, /^kcmp: not everything could be seen: .*skipped \(E[A-Z]+ for pid .*\)\n$/);
  }
});

test('a descriptor that is not open is 2, and names it', async () => {
  const { code, out, err } = await kcmp('who', `${me}:99999`);
  assert.equal(code, 2);
  assert.equal(out, '');
  assert.match(err, /^kcmp: .*99999/);
});

test("a thread's own process is nobody else", async () => {
  const asked = await child.run(({ fs }) => fs.openSync('/dev/null', 'r'));
  const [ofProcess, ofThread] = await Promise.all([
    kcmp('who', `${child.pid}:${asked}`),
    kcmp('who', `${await startThread(child)}:${asked}`),
  ]);
  assert.match(ofThread.out, /is held by nobody else/);
  assert.equal(ofThread.code, ofProcess.code);
});
