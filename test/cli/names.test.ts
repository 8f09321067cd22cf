/** What is asked by names that are no text, or of folders that have none, and what errors say of the call. */
import '../support/leash.ts';
import assert from 'node:assert/strict';
import { closeSync, mkdirSync, mkdtempSync, openSync, realpathSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startChild } from '../support/child.ts';
import { kcmp, kcmpProcess } from './command.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp-names-')));
after(() => rmSync(folder, { recursive: true }));

test('a name that is no UTF-8 is refused, and one that looks like it is not taken for it', () => {
  const fd = openSync(join(folder, 'na\ufffdve'), 'w');
  try {
    const script = `cd '${folder}'; exec "$0" "$@" "$(printf './na\\357ve')"`;
    const wrapped = kcmpProcess(['who'], ['sh', '-c', script]);
    assert.match(wrapped.err, /^kcmp: .* holds bytes that are no UTF-8, .* ask by PID or PID:FD\n$/);
    assert.equal(wrapped.code, 2);
    const text = kcmpProcess(['who', join(folder, 'na\ufffdve'), '--pids']);
    assert.deepEqual(text, { code: 0, out: `${process.pid}\n`, err: text.err });
  } finally {
    closeSync(fd);
  }
});

test('in a folder that was deleted', async () => {
  await using child = await startChild();
  const gone = join(folder, 'gone');
  mkdirSync(gone);
  await child.run((_, path: string) => process.chdir(path), gone);
  rmdirSync(gone);
  const [here, below] = await child.run(async ({ door }) => {
    const pids = [process.pid];
    return [await door.findOpen('.', { pids }), await door.findOpen('./x', { pids })] as const;
  });
  assert.deepEqual([here.missing, here.elsewhere], [undefined, [{ how: 'cwd', pid: child.pid, sure: 'inode' }]]);
  assert.deepEqual([below.missing, below.files], ['ENOENT', []]);
});

test('an error tells in one line which descriptor it is about', async () => {
  const { err, code } = await kcmp('same', `${process.pid}:0`, `${process.pid}:77777`);
  assert.deepEqual([err, code], [`kcmp: EBADF: fd 77777 of pid ${process.pid} is not open\n`, 2]);
});
