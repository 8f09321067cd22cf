/** The commands about processes whose threads, or who with others, have tables of their own or in common. */
import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { findHolders } from '../support/door.ts';
import { CLONE_VFORK, type Family, familyMissing, startFamily } from '../support/family.ts';
import * as libc from '../support/libc.ts';
import { startTables, type Tables } from '../support/tables.ts';
import { kcmp } from './command.ts';

for (const how of ['own', 'ended'] as const) {
  describe(how === 'own' ? 'a thread with a table of its own' : 'a process whose first thread has ended', {
    skip: familyMissing,
  }, () => {
    let tables: Tables;
    before(async () => (tables = await startTables(how)));
    after(() => tables.stop());

    test('its epoll instances are those of all its tables', async () => {
      const { pid, tid, efd } = tables;
      const { code, out } = await kcmp('epoll', pid, '--check');
      const [first] = out.split('\n');
      assert.match(
        first ?? '',
        new RegExp(`^fd ${efd} of thread ${tid} of ${pid} \\(program\\) is an epoll instance with 1 target: 1 stale`),
      );
      assert.equal(code, 1);
    });

    test('who says which numbers they are, and calls nobody another', async () => {
      const { pid, tid, efd } = tables;
      const { out } = await kcmp('who', pid);
      assert.match(out, new RegExp(`^ *(?:${tid}:)?${efd}  eventpoll +epoll instance$`, 'm'));
      assert.doesNotMatch(out, /also held by program/);
    });

    test('what it inherited is found', async () => {
      const { out, err } = await kcmp('inherited', tables.pid);
      assert.match(out, new RegExp(`^${tables.pid} \\(program\\) shares `));
      assert.equal(err.includes('has ended'), false);
    });
  });
}

describe('two processes with one table', { skip: familyMissing }, () => {
  let family: Family;
  const FD = 3;
  before(async () => {
    const given = libc.closeOnExec(libc.eventfd());
    family = await startFamily({ flags: libc.CLONE_FILES, fds: [given] });
    closeSync(given);
  });
  after(() => family.stop());

  test('each of them has what the other has', async () => {
    const { parent, child } = family;
    for (const [one, other] of [
      [parent, child],
      [child, parent],
    ]) {
      const descriptor = await kcmp('who', `${one}:${FD}`, '--pid', parent, '--pid', child);
      assert.match(descriptor.out, new RegExp(`^fd 3 of ${one} .* is also held by program \\(${other}\\), fd 3\\.\\n`));
      assert.equal((await kcmp('who', `${one}:${FD}`, '--pids')).out, `${other}\n`);
      assert.match(
        (await kcmp('who', one as number)).out,
        new RegExp(`also held by program \\(${other}\\), fd 3$`, 'm'),
      );
    }
  });
});

test('who waits for its child of vfork(2) has no mappings that others would wait for', {
  skip: familyMissing,
}, async () => {
  const path = process.execPath;
  const given = openSync(path, 'r');
  const family = await startFamily({ flags: CLONE_VFORK, child: 'p' });
  try {
    const { parent, child } = family;
    const { coverage } = await findHolders({ pid: process.pid, fd: given }, { pids: [process.pid, parent, child] });
    assert.deepEqual(coverage.skipped, []);
  } finally {
    closeSync(given);
    await family.stop();
  }
});
