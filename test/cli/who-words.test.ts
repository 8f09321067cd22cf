/** kcmp who: that the first line says what is so, of paths with links in them, of trees, and of what few may see. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ProcessText } from '../../src/cli/output/process.ts';
import type { Skipped } from '../../src/index.ts';
import { type Child, startChild } from '../support/child.ts';
import { AS_NOBODY, needsRoot } from '../support/user.ts';
import { kcmp, kcmpProcess } from './command.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp-words-')));
const at = (name: string): string => join(folder, name);
let child: Child;
before(async () => void (child = await startChild()));
after(async () => {
  await child.stop();
  rmSync(folder, { recursive: true });
});
const open = (path: string): Promise<number> => child.run(({ fs }, path: string) => fs.openSync(path, 'r+'), path);
const firstOf = async (...args: Array<string | number>): Promise<string> =>
  (await kcmp(...args)).out.split('\n')[0] ?? '';

test('.. behind a symbolic link is the folder above what it leads to', async () => {
  mkdirSync(at('a/b'), { recursive: true });
  symlinkSync('a/b', at('link'));
  for (const name of ['f', 'a/f']) writeFileSync(at(name), '');
  const through = `${folder}/link/../f`;
  const upper = await open(at('f'));
  assert.match(
    await firstOf('who', through, '--pid', child.pid),
    /link\/\.\.\/f is open in none of these processes\.$/,
  );
  await open(at('a/f'));
  assert.match(await firstOf('who', through, '--pid', child.pid), /a\/f is held by /);
  assert.match(await firstOf('who', `${folder}/missing/../f`, '--pid', child.pid), /it does not exist\.$/);
  assert.match(await firstOf('who', `${at('f')}/`, '--pid', child.pid), /a part of it is no directory\.$/);
  await child.run(({ fs }, fd: number) => fs.closeSync(fd), upper);
});

test('what has another name is there, although the one by which it was opened was deleted', async () => {
  mkdirSync(at('c'));
  writeFileSync(at('log'), '');
  linkSync(at('log'), at('c/log'));
  await open(at('log'));
  unlinkSync(at('log'));
  assert.match(await firstOf('who', at('c/log'), '--pid', child.pid), /c\/log is held by .*, as .*\/log \(deleted\)\./);
});

test('a deleted file of another mount namespace, by the root of who has it', { skip: needsRoot }, async () => {
  await using other = await startChild({ wrapper: ['unshare', '--mount'] });
  mkdirSync(at('mounted'));
  await other.run(({ fs, libc }, point: string) => {
    libc.mount('none', point, 'tmpfs', 0, '');
    fs.openSync(`${point}/gone`, 'w');
    fs.unlinkSync(`${point}/gone`);
  }, at('mounted'));
  const path = `/proc/${other.pid}/root${at('mounted')}/gone`;
  assert.match(await firstOf('who', path, '--pid', other.pid), /^deleted file .*gone is held by /);
});

test('of a tree each descriptor has its process, and a tree is a process also by its folder', async () => {
  const sleep = await child.run(({ childProcess, libc, keep }) => {
    libc.closeAllOnExec();
    const sleep = childProcess.spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
    process.on('exit', () => void sleep.kill('SIGKILL'));
    keep['sleep'] = sleep;
    return sleep.pid as number;
  });
  const { out } = await kcmp('who', '--tree', `/proc/${child.pid}`);
  assert.match(out, new RegExp(`^${child.pid} \\(.*\\) and 1 process below it have `));
  assert.match(out, new RegExp(`\\b${sleep}:3\\b`));
  assert.match((await kcmp('who', '--', `${sleep}`, '--tree')).err, /unexpected --tree;/);
});

test('what may not be read is not said to have nothing open', () => {
  const reason = "another user's";
  const skipped: Skipped[] = [{ pid: child.pid, code: 'EACCES', count: 1, unit: 'process', reason }];
  const coverage = { processes: 0, tasks: 0, descriptors: 0, skipped };
  const report = { reference: `${child.pid}`, files: [], unheld: [], coverage };
  const [line = ''] = new ProcessText(report, { pids: [child.pid, 2 ** 30], all: false }).lines();
  assert.match(line, / and 1 process below it have nothing open that could be seen\.$/);
});

test('alike lines tell of locks, and of listeners which', async () => {
  const ports = await child.run(({ fs, sockets, locks }, folder: string) => {
    for (let i = 0; i < 13; i++) locks.flock(fs.openSync(`${folder}/lock${i}`, 'w'), locks.LOCK.exclusive);
    return Array.from({ length: 5 }, () => {
      const fd = sockets.listener(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port: 0 }));
      return sockets.portOf(fd);
    });
  }, folder);
  const { out } = await kcmp('who', child.pid);
  assert.match(out, /^13 files in .*, locked: fd /m);
  assert.match(out, new RegExp(`^5 listeners \\(tcp 127\\.0\\.0\\.1:${ports[0]}, .* and 2 more\\): fd `, 'm'));
});

test('two sockets of somebody who may not be looked at are two', { skip: needsRoot }, async () => {
  const port = await child.run(({ sockets }) => {
    const SO_REUSEPORT = 15;
    let port = 0;
    for (let i = 0; i < 2; i++) {
      const fd = sockets.socket(sockets.AF_INET, sockets.STREAM);
      sockets.setOption(fd, 1, SO_REUSEPORT, 1);
      sockets.bind(fd, sockets.inetAddress({ address: '127.0.0.1', port }));
      sockets.listen(fd, 1);
      port = sockets.portOf(fd);
    }
    return port;
  });
  const { out } = kcmpProcess(['who', `:${port}`], AS_NOBODY);
  const [first = '', ...rest] = out.split('\n');
  assert.match(first, /is open as 2 open file descriptions, held by a process that may not be looked at/);
  assert.equal(rest.filter((line) => line.includes('is held by')).length, 2);
});

test('how many hold it is said where more than one must', async () => {
  await child.run(({ fs }, path: string) => {
    fs.openSync(path, 'w');
    fs.unlinkSync(path);
  }, at('gone'));
  assert.match(
    await firstOf('groups', '--deleted', '--min', 2, child.pid),
    /^No deleted file of two holders or more is open /,
  );
  assert.match(await firstOf('groups', '--deleted', child.pid), /^1 deleted file is open /);
});

test('a unix socket whose name another file has by now, which nobody has', async () => {
  for (const now of ['socket', 'file']) {
    const path = at(`former-${now}`);
    const fd = await child.run(
      ({ fs, sockets }, path: string, now: string) => {
        const listen = (): number => sockets.listener(sockets.STREAM, sockets.unixAddress(path));
        const fd = listen();
        fs.unlinkSync(path);
        if (now === 'file') fs.writeFileSync(path, '');
        else fs.closeSync(listen());
        return fd;
      },
      path,
      now,
    );
    const { code, out } = await kcmp('who', path, '--pid', child.pid);
    assert.equal(code, 0, out);
    const before = `former-${now} that is there now is open nowhere; a socket that was bound to a file of this name before`;
    assert.match(out, new RegExp(`${before} is held by .*\\(${child.pid}\\), fd ${fd}\\b`));
    await child.run(({ fs }, fd: number) => fs.closeSync(fd), fd);
    assert.equal((await kcmp('who', path, '--pid', child.pid)).code, 1);
  }
});
