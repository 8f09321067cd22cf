/** The real process and its streams: closed pipes, full devices, signals, terminals, names that mean harm. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, createReadStream, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startChild, type Child } from '../support/child.ts';
import * as libc from '../support/libc.ts';
import { until } from '../support/until.ts';
import { AS_NOBODY, needsRoot } from '../support/user.ts';
import { kcmp, kcmpProcess, NO_PID, pipe, shell, startKcmp } from './command.ts';

const EVIL_NAME = 'a\nb\x1b[2J\x07c)';
const EVIL_FILE = 'x\n9. pipe\x1b]0;owned\x07\u009b2J\u202etxt';
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
const F_SETPIPE_SZ = 1031;

let child: Child;
let folder: string;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kcmp-cli-'));
  child = await startChild();
  await child.run(
    ({ fs, libc, keep }, name: string, path: string) => {
      fs.writeFileSync('/proc/self/comm', name);
      const fd = fs.openSync(path, 'w+');
      keep['fds'] = [fd, libc.dup(fd)];
    },
    EVIL_NAME,
    join(folder, EVIL_FILE),
  );
});
after(async () => {
  await child.stop();
  rmSync(folder, { recursive: true });
});

test('control characters and newlines in names do not reach the terminal, in text or graph or JSON', async () => {
  for (const args of [
    ['groups', `${child.pid}`],
    ['groups', `${child.pid}`, '--graph', 'dot'],
    ['groups', `${child.pid}`, '--graph', 'mermaid'],
    ['groups', `${child.pid}`, '--json'],
    ['inherited', `${child.pid}`],
    ['epoll', `${child.pid}`],
  ]) {
    const { out, err } = await kcmp(...args);
    assert.doesNotMatch(out + err, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/, args.join(' '));
  }
});

test('an escaped name stays on its line', async () => {
  const { out } = await kcmp('groups', child.pid);
  assert.ok(out.includes(`. ${folder}/x\\n9. pipe\\x1b]0;owned\\x07\\x9b2J\\u202etxt\n`), out);
  assert.ok(out.includes(`   ${child.pid} (a\\nb\\x1b[2J\\x07c)): fds `), out);
});

test('the JSON of an evil name is the name itself', async () => {
  const { out } = await kcmp('groups', child.pid, '--json');
  const { groups } = JSON.parse(out) as { groups: Array<{ link: string }> };
  assert.ok(groups.some(({ link }) => link === join(folder, EVIL_FILE)));
});

test('a closed pipe ends it quietly', () => {
  const { out, err } = shell('{ kcmp groups --json; echo "code $?" >&2; } | head -c 1');
  assert.equal(out, '{');
  assert.match(err.replace(/^kcmp: not everything could be seen.*\n/, ''), /^code [02]\n$/);
});

test('a pipe whose reader is gone before the first byte ends it quietly, with the code of the answer', async () => {
  const [read, write] = pipe();
  closeSync(read);
  const command = startKcmp(['same', `${process.pid}:0`, `${process.pid}:0`], ['ignore', write, 'pipe']);
  let err = '';
  command.stderr?.on('data', (chunk) => (err += chunk));
  const [code] = await once(command, 'close');
  closeSync(write);
  assert.deepEqual([code, err], [0, '']);
});

test('a full device is trouble: 2, with a message', () => {
  for (const line of [
    'kcmp --help',
    'kcmp doctor',
    'kcmp groups --json',
    `kcmp same ${process.pid}:0 ${process.pid}:0`,
  ]) {
    const { code, err } = shell(`${line} > /dev/full`);
    assert.equal(code, 2, line);
    assert.match(err, /^kcmp: the output cannot be written: ENOSPC: no space left on device/m, line);
  }
});

test('a full device as standard error loses messages, not the exit code', () => {
  assert.equal(shell(`kcmp same ${NO_PID}:0 ${NO_PID}:0 2> /dev/full`).code, 2);
});

test('output into a slow pipe that somebody made non-blocking is complete', async () => {
  const [read, write] = pipe();
  libc.fcntl(write, F_SETPIPE_SZ, 4096);
  libc.fcntl(write, F_SETFL, O_NONBLOCK);
  const command = startKcmp(['doctor', '--json'], ['ignore', write, 'inherit']);
  closeSync(write);
  let out = '';
  for await (const chunk of createReadStream('', { fd: read, encoding: 'utf8', highWaterMark: 256 })) out += chunk;
  assert.equal((JSON.parse(out) as { platform: string }).platform, process.platform);
  if (command.exitCode === null) await once(command, 'exit');
});

test('SIGINT ends it at once, which a shell shows as 130', async () => {
  const [read, write] = pipe();
  libc.fcntl(write, F_SETPIPE_SZ, 4096);
  await child.run(({ libc, keep }) => {
    keep['many'] = Array.from({ length: 200 }, () => libc.dup(0));
  });
  // More than the pipe holds, and nobody reads: once it has begun to write, it goes on waiting.
  const waiting = '"$@" & echo $! >&2; wait $!';
  const command = startKcmp(['groups', child.pid, '--json'], ['ignore', write, 'pipe'], ['sh', '-c', waiting, 'sh']);
  const [pid] = (await once(command.stderr as NodeJS.ReadableStream, 'data')) as [Buffer];
  await until('it has begun to write', () => libc.poll(read, 0));
  process.kill(Number(pid), 'SIGINT');
  const [code] = await once(command, 'exit');
  closeSync(read);
  closeSync(write);
  assert.equal(code, 130);
});

test('SIGINT ends a long scan at once', async () => {
  await using crowd = await startChild();
  await crowd.run(({ fs }) => {
    const allowed = Number(/Max open files +(\d+)/.exec(fs.readFileSync('/proc/self/limits', 'utf8'))?.[1]);
    // Each a description of its own on one inode, so that all have to be sorted.
    for (let i = Math.min(30_000, allowed - 100); i > 0; i--) fs.openSync('/dev/null', 'r');
  });
  const command = startKcmp(['groups', crowd.pid], 'ignore');
  const ended = once(command, 'exit');
  const looksAt = (pid: number): boolean => {
    try {
      const links = readdirSync(`/proc/${command.pid}/fd`).map((fd) => readlinkSync(`/proc/${command.pid}/fd/${fd}`));
      return links.includes(`/proc/${pid}/fd`);
    } catch {
      return false;
    }
  };
  await until('it looks', () => command.exitCode !== null || looksAt(crowd.pid));
  command.kill('SIGINT');
  assert.deepEqual(await ended, [null, 'SIGINT']);
});

test('messages go to stderr with the prefix kcmp, and data to stdout', () => {
  const { code, out, err } = kcmpProcess(['same', `${NO_PID}:0`, `${process.pid}:0`]);
  assert.deepEqual([code, out], [2, '']);
  assert.match(err, /^kcmp: .+\n$/);
});

test('there is no colour, and no progress where stderr is no terminal', () => {
  const { out, err } = kcmpProcess(['groups']);
  assert.doesNotMatch(out + err, /\x1b|\r/);
});

test("an ordinary user is refused a stranger's descriptors: 2, with the pid", { skip: needsRoot }, () => {
  const same = kcmpProcess(['same', `${child.pid}:0`, `${child.pid}:1`], AS_NOBODY);
  assert.deepEqual([same.code, same.out], [2, '']);
  assert.match(same.err, new RegExp(`^kcmp: .*${child.pid}`));
  for (const args of [
    ['who', `${child.pid}:0`],
    ['epoll', `${child.pid}`],
    ['groups', `${child.pid}`],
    ['inherited', `${child.pid}`],
    ['tasks', `${child.pid}`, `${process.pid}`],
    ['same', '--type', 'vm', `${child.pid}`, `${process.pid}`],
  ]) {
    const { code, err } = kcmpProcess(args, AS_NOBODY);
    assert.equal(code, 2, args.join(' '));
    assert.match(err, /^kcmp: .*(EPERM|EACCES)/, args.join(' '));
  }
});
