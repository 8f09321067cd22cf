/** kcmp who where the kernel may not be asked about sockets: what could not be told is 2, and never the 1 of nobody. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Fds } from '../support/brute.ts';
import { type Child, startChild } from '../support/child.ts';
import * as sockets from '../support/sockets.ts';
import { kcmpIn, type Result } from './command.ts';

const { pid } = process;
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp-who-refused-')));
const fds = new Fds();
let asker: Child;
before(async () => {
  asker = await startChild();
  await asker.run(({ seccomp }) => seccomp.refuse('socket', 'EAFNOSUPPORT'));
});
after(async () => {
  await asker.stop();
  fds.closeAll();
  rmSync(folder, { recursive: true });
});

/** `kcmp …` of a process that is refused every new socket. */
const kcmp = (...args: Array<string | number>): Promise<Result> => kcmpIn(asker, ...args);

test('of a unix listener it is not said that nobody waits, but that it could not be told', async () => {
  const path = join(folder, 'waits.sock');
  const fd = fds.add(sockets.listener(sockets.STREAM, sockets.unixAddress(path)));
  fds.add(sockets.client(sockets.STREAM, sockets.unixAddress(path)));
  const { code, out } = await kcmp('who', `${pid}:${fd}`);
  assert.equal(code, 2, out);
  assert.match(out, /; who waits to be accepted could not be told: a filter .*\(EAFNOSUPPORT\)\.$/m);
  assert.doesNotMatch(out, /nobody waits|other end/);
});

test('a TCP listener is told by the lists of /proc, with who waits and without', async () => {
  const fd = fds.add(sockets.listener(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port: 0 })));
  const alone = await kcmp('who', `${pid}:${fd}`);
  assert.match(alone.out, /; nobody waits to be accepted\.$/m);
  const client = fds.add(
    sockets.client(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port: sockets.portOf(fd) })),
  );
  const { code, out } = await kcmp('who', `${pid}:${fd}`);
  assert.equal(code, 0, out);
  assert.match(out, new RegExp(`; its other end is held by .*\\(${pid}\\), fd ${client}\\b`));
});

const bind = (path: string): number => fds.add(sockets.listener(sockets.STREAM, sockets.unixAddress(path)));
const UNTOLD = /only the names of unix sockets could be read, which do not tell of which files they are: a filter /;

test('a unix socket by its path is not told by its name alone', async () => {
  const path = join(folder, 'alike.sock');
  const old = bind(path);
  unlinkSync(path);
  const now = bind(path);
  const { code, out } = await kcmp('who', path);
  assert.equal(code, 2, out);
  assert.match(out, new RegExp(`^${path} may be held by .*\\(${pid}\\), fd ${old} and ${now}: `));
  assert.match(out, UNTOLD);
  const pids = await kcmp('who', path, '--pids');
  assert.deepEqual([pids.code, pids.out], [2, '']);
  assert.match(pids.err, /no process is known to have it; without --pids it is told what may/);
});

test('a unix socket that was bound through a link, or renamed, may be it', async () => {
  mkdirSync(join(folder, 'run'));
  symlinkSync('run', join(folder, 'var'));
  const fd = bind(join(folder, 'var/linked.sock'));
  const linked = await kcmp('who', join(folder, 'run/linked.sock'));
  assert.equal(linked.code, 2, linked.out);
  assert.match(linked.out, new RegExp(`/run/linked\\.sock may be held by .*\\(${pid}\\), fd ${fd}: `));
  bind(join(folder, 'before.sock'));
  renameSync(join(folder, 'before.sock'), join(folder, 'after.sock'));
  const renamed = await kcmp('who', join(folder, 'after.sock'));
  assert.equal(renamed.code, 2, renamed.out);
  assert.match(renamed.out, /after\.sock is open nowhere that could be seen\.$/m);
  assert.match(renamed.err, /a unix socket that is bound by another name may be it: /);
  assert.match(renamed.err, UNTOLD);
  // What others have is no matter to who asks about this one, nor are they to a regular file.
  writeFileSync(join(folder, 'regular'), '');
  const others = await kcmp('who', join(folder, 'after.sock'), '--pid', asker.pid);
  const regular = await kcmp('who', join(folder, 'regular'), '--pid', pid);
  assert.deepEqual([others.code, regular.code], [1, 1], others.err + regular.err);
});
