/** Descriptors that kcmp(2) can compare although /proc tells no link or no inode of them. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type FileRef, sameFile } from '../../src/index.ts';
import { Fds, only, refs } from '../support/brute.ts';
import { startChild, type Child } from '../support/child.ts';
import { findHolders, findInherited, groupFiles, resolveEpoll } from '../support/door.ts';

const me = process.pid;
const fds = new Fds();
after(() => fds.closeAll());

/** Since Linux 6.6 stat(2) on it is ENOENT. */
describe('the folder in /proc of a process that has ended', () => {
  let folder: number;
  let child: Child;
  before(async () => {
    const ended = spawn('sleep', ['1000'], { stdio: 'ignore' });
    folder = fds.add(openSync(`/proc/${ended.pid}/fd`, 'r'));
    ended.kill();
    await once(ended, 'exit');
    child = await startChild({ fds: [folder] });
  });
  after(() => child.stop());
  const holders = (): unknown =>
    refs([
      { pid: me, fd: folder },
      { pid: child.pid, fd: 4 },
    ]);

  test('is a group with all who hold it', async () => {
    assert.equal(sameFile({ pid: me, fd: folder }, { pid: child.pid, fd: 4 }), true);
    const { groups, coverage } = await groupFiles({ pids: [me, child.pid] });
    assert.deepEqual(
      refs(groups.find((group) => group.holders.some(({ pid, fd }) => pid === me && fd === folder))?.holders ?? []),
      holders(),
    );
    assert.deepEqual(coverage.skipped, []);
  });

  test('has holders', async () => {
    assert.deepEqual(
      refs((await findHolders({ pid: child.pid, fd: 4 }, { pids: [me, child.pid] })).holders),
      holders(),
    );
  });

  test('is inherited', async () => {
    assert.ok((await findInherited(child.pid)).inherited.some(({ fd, from }) => fd === 4 && from.fd === folder));
  });
});

/** readlink(2) answers ENAMETOOLONG. */
describe('a FIFO whose path is longer than 4095 bytes', () => {
  const top = mkdtempSync(join(tmpdir(), 'kcmp-deep-'));
  let child: Child;
  let fifo: { numbers: number[]; second: number; efd: number };
  before(async () => {
    child = await startChild();
    fifo = await child.run(({ fs, childProcess, libc }, top: string) => {
      process.chdir(top);
      for (let depth = 0; depth < 21; depth++) {
        const name = 'd'.repeat(200);
        fs.mkdirSync(name);
        process.chdir(name);
      }
      childProcess.spawnSync('mkfifo', ['fifo']);
      const [first, second] = [fs.openSync('fifo', 'r+'), fs.openSync('fifo', 'r+')];
      const efd = libc.epollCreate();
      libc.epollCtl(efd, libc.EPOLL_CTL_ADD, first);
      // So many that one of them is the number of whatever the observer opens.
      const numbers = [first, ...Array.from({ length: 50 }, () => libc.dup(first))];
      return { numbers, second, efd };
    }, top);
  });
  after(async () => {
    await child.stop();
    spawnSync('rm', ['-rf', top]);
  });

  const all = (): FileRef[] => refs(fifo.numbers.map((fd) => ({ pid: child.pid, fd })));

  test('is a live target', async () => {
    const { status, holders, numberNow } = only(await resolveEpoll(child.pid, fifo.efd, { pids: [child.pid] }));
    assert.deepEqual([status, refs(holders), numberNow], ['live', all(), null]);
  });

  test('has another description on its inode', async () => {
    const { link, kind, holders, otherEnd } = await findHolders(
      { pid: child.pid, fd: fifo.numbers[0] as number },
      { pids: [child.pid] },
    );
    assert.deepEqual([link, kind], [null, 'fifo']);
    assert.deepEqual(refs(holders), all());
    // Both descriptions are open for reading and writing.
    assert.deepEqual(refs(otherEnd?.holders ?? []), refs([...all(), { pid: child.pid, fd: fifo.second }]));
  });
});
