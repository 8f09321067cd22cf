/** kcmp who of a port, a path and the like: the answer in one line, the pids alone, the exit code. */
import { isAlone } from '../support/alone.ts';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openText } from '../../src/cli/output/open.ts';
import { findOpen, type OpenReport } from '../../src/index.ts';
import { Fds } from '../support/brute.ts';
import { type Child, startChild } from '../support/child.ts';
import { noAnswers } from '../support/diag.ts';
import * as libc from '../support/libc.ts';
import * as sockets from '../support/sockets.ts';
import { untilNamed } from '../support/scenes.ts';
import { AS_NOBODY, isRoot, needsRoot } from '../support/user.ts';
import { kcmp, kcmpJson, kcmpProcess, NO_PID, shell } from './command.ts';

const fds = new Fds();
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp-who-')));
const LOOPBACK = { address: '127.0.0.1', port: 0 };
let child: Child;
let port: number;
let listener: number;

// In a process of its own: the command leaves out the one that it is in.
before(async () => {
  child = await startChild();
  await child.run(({ fs }) => fs.writeFileSync('/proc/self/comm', 'holder'));
  [listener, port] = await child.run(({ sockets, keep }, address) => {
    const fd = sockets.listener(sockets.STREAM, sockets.inetAddress(address));
    keep['port'] = sockets.portOf(fd);
    return [fd, sockets.portOf(fd)] as const;
  }, LOOPBACK);
});
after(async () => {
  await child.stop();
  fds.closeAll();
  rmSync(folder, { recursive: true });
});

/** 1, or 2 where not all of the neighbours may be looked at. */
const nobody = (err: string): number => (isAlone || err === '' ? 1 : 2);
const openThere = (path: string): Promise<number> => child.run(({ fs }, path: string) => fs.openSync(path, 'a'), path);

test('a port is told in the first line, with who has it, then in full', async () => {
  const { code, out } = await kcmp('who', `:${port}`);
  assert.equal(code, 0);
  const [first, ...rest] = out.split('\n');
  assert.equal(first, `tcp 127.0.0.1:${port} listening is held by holder (${child.pid}), fd ${listener}.`);
  assert.ok(
    rest.some((line) => new RegExp(`^ *${child.pid} +${listener} +rw .* holder$`).test(line)),
    out,
  );
});

test('connections are counted, and listed with --all; what is not accepted is told', async () => {
  const accept = (accepts: boolean): Promise<number> =>
    child.run(
      ({ sockets, keep }, fd: number, accepts: boolean, address) => {
        sockets.client(sockets.STREAM, sockets.inetAddress({ ...address, port: keep['port'] as number }));
        return accepts ? sockets.accept(fd) : -1;
      },
      listener,
      accepts,
      LOOPBACK,
    );
  const accepted = await accept(true);
  const { out } = await kcmp('who', `:${port}`);
  assert.match(out, /, fd \d+; 1 connection besides, which --all lists\.\n/);
  assert.ok(!out.includes('->'), out);
  const all = await kcmp('who', `:${port}`, '--all');
  assert.match(all.out, new RegExp(`^:${port} is open as 2 open file descriptions, held by holder \\(${child.pid}\\)`));
  assert.match(
    all.out,
    new RegExp(
      `tcp 127.0.0.1:${port} -> 127.0.0.1:\\d+ established; its other end is held by holder \\(\\d+\\), fd \\d+:\n`,
    ),
  );
  assert.match(all.out, new RegExp(`^ *${child.pid} +${accepted} `, 'm'));
  await accept(false);
  assert.match((await kcmp('who', `:${port}`)).out, /; 1 connection is not accepted yet\.\n/);
});

test('the other end of a connection and of what is named by its inode is told', async () => {
  const [socket, pid] = await child.run(({ sockets, childProcess, fs }) => {
    const [own, given] = sockets.pair(sockets.STREAM);
    const sleeper = childProcess.spawn('sleep', ['1000'], { stdio: ['ignore', given, 'ignore'] });
    fs.closeSync(given);
    return [sockets.inoOf(own), sleeper.pid as number] as const;
  });
  await untilNamed(pid, 'sleep');
  const { code, out } = await kcmp('who', `socket:[${socket}]`);
  assert.equal(code, 0);
  const [first] = out.split('\n');
  assert.match(
    first ?? '',
    /^unix stream is held by holder \(\d+\), fd \d+; its other end is held by sleep \(\d+\), fd 1\.$/,
  );
});

test('--pids prints each process once, and nothing else', async () => {
  const path = join(folder, 'held');
  const pids = [await openThere(path), await openThere(path)];
  assert.equal(pids.length, 2);
  const held = await kcmp('who', path, '--pids');
  assert.deepEqual([held.code, held.out], [0, `${child.pid}\n`]);
  // Of a descriptor those who have it besides, or its other end.
  const alone = await kcmp('who', '--pids', `${child.pid}:${pids[0]}`);
  assert.deepEqual([alone.code, alone.out], [nobody(alone.err), '']);
  const [read] = await child.run(({ libc }) => libc.pipe());
  const end = await kcmp('who', '--pids', `${child.pid}:${read}`);
  assert.deepEqual([end.code, end.out], [0, `${child.pid}\n`]);
  const nothing = await kcmp('who', '--pids', join(folder, 'nothing'));
  assert.deepEqual([nothing.code, nothing.out], [nobody(nothing.err), '']);
});

test('a path that nobody has open, one that is not there, and one that was deleted', async () => {
  const path = join(folder, 'a file');
  writeFileSync(path, '');
  const unused = await kcmp('who', path);
  assert.equal(unused.code, nobody(unused.err));
  assert.match(unused.out, /^\/.*\/a file is open nowhere(?: that could be seen)?\.\n$/);
  await openThere(path);
  unlinkSync(path);
  const deleted = await kcmp('who', path);
  assert.equal(deleted.code, 0);
  assert.match(deleted.out, /^deleted file \/.*\/a file is held by holder \(\d+\), fd \d+\.\n/);
  const missing = await kcmp('who', join(folder, 'never'));
  assert.equal(missing.code, nobody(missing.err));
  assert.match(missing.out, /\/never is open nowhere(?: that could be seen)?: it does not exist\.\n$/);
});

test('what was opened by another name is told by the one that was asked for, and by that', async () => {
  const [path, other] = ['by-this', 'by-that'].map((name) => join(folder, name)) as [string, string];
  const fd = await openThere(path);
  linkSync(path, other);
  const { out } = await kcmp('who', other);
  assert.equal(out.split('\n', 1)[0], `${other} is held by holder (${child.pid}), fd ${fd}, as ${path}.`);
});

test('several descriptions are told one by one', async () => {
  const path = join(folder, 'twice');
  await openThere(path);
  await openThere(path);
  const { code, out } = await kcmp('who', path);
  assert.equal(code, 0);
  assert.match(out, /^\/.*\/twice is open as 2 open file descriptions, held by holder \(\d+\), fd \d+ and \d+\.\n/);
  assert.deepEqual(
    out.split('\n').filter((line) => line.startsWith(path) && line.endsWith(':')),
    [1, 2].map((number) => `${path}, description ${number} of 2:`),
  );
});

test('of several others of its inode each has its own heading', async () => {
  const path = join(folder, 'thrice');
  const [fd] = [await openThere(path), await openThere(path), await openThere(path)];
  const { out } = await kcmp('who', `${child.pid}:${fd}`);
  assert.equal(out.match(/^Of the same inode, but another open file description, [12] of 2:$/gm)?.length, 2, out);
});

test('many descriptions are told in one table', async () => {
  const path = join(folder, 'many');
  for (let i = 0; i < 9; i++) await openThere(path);
  const { out } = await kcmp('who', path);
  const [first, , head, ...rows] = out.trimEnd().split('\n');
  assert.match(first ?? '', / is open as 9 open file descriptions, held by holder /);
  assert.match(head ?? '', /^NO +PID +FD {2}MODE {2}USER +COMMAND {2}FILE$/);
  assert.equal(rows.filter((row) => row.endsWith(`  holder   ${path}`)).length, 9, out);
});

test('a folder that is somebody’s working directory is in use', async () => {
  await child.run((_, folder: string) => process.chdir(folder), folder);
  const { code, out } = await kcmp('who', folder);
  assert.equal(code, 0);
  assert.match(out, /is open nowhere.*; it is the working directory of \d+ \(holder\)\.\n/);
  assert.deepEqual((await kcmp('who', '--pids', folder)).out, `${child.pid}\n`);
});

test('a name that is in the working directory, and means nothing else, is a path', async () => {
  const path = join(folder, 'app.lock');
  await openThere(path);
  await openThere(join(folder, `${child.pid}`));
  const { code, out } = shell(`cd '${folder}'; kcmp who app.lock --pids && kcmp who . --json >/dev/null; echo $?`);
  assert.equal(code, 0);
  assert.match(out, new RegExp(`^${child.pid}\n[01]\n$`));
  // A number is a process, whatever the folder has.
  assert.match(shell(`cd '${folder}'; kcmp who ${child.pid}`).out, / descriptors open/);
  const { code: none, err } = shell(`cd '${folder}'; kcmp who never.lock`);
  assert.equal(none, 2);
  assert.match(err, /^kcmp: never\.lock is no reference; .* or \.\/never\.lock for a path$/m);
});

test('--pid and --tree look only there', async () => {
  const path = join(folder, 'elsewhere');
  await openThere(path);
  const sleeper = await child.run(
    ({ childProcess }) => childProcess.spawn('sleep', ['1000'], { stdio: 'ignore' }).pid as number,
  );
  assert.equal((await kcmp('who', path, '--pid', sleeper)).code, 1);
  assert.deepEqual(await kcmp('who', path, '--tree', sleeper), {
    code: 1,
    out: `${path} is open in none of these processes.\n`,
    err: '',
  });
  const own = await kcmp('who', `${child.pid}:${await openThere(path)}`, '--pid', sleeper);
  assert.match(own.out, / is held by nobody else among these processes\.\n/);
  for (const where of [
    ['--pid', sleeper, '--pid', child.pid],
    ['--tree', child.pid],
  ])
    assert.deepEqual(await kcmp('who', path, '--pids', ...where), { code: 0, out: `${child.pid}\n`, err: '' });
  // A port that others have is not theirs.
  assert.equal((await kcmp('who', `:${port}`, '--pid', sleeper)).code, 1);
  const { code, err } = await kcmp('who', path, '--pid', NO_PID);
  assert.deepEqual([code, err], [2, `kcmp: there is no process ${NO_PID}, or /proc hides it\n`]);
});

test('it leaves itself out, whatever the shell gave it', () => {
  const path = join(folder, 'given');
  const { code, out } = shell(`exec 7>'${path}'; kcmp who '${path}' --pids 8<&7; echo $$`);
  assert.equal(code, 0);
  const [first, last] = out.trim().split('\n');
  assert.deepEqual([first, out.trim().split('\n').length], [last, 2], out);
});

test('--json is the report of findOpen', async () => {
  const { code, report } = await kcmpJson<OpenReport>('who', `:${port}`);
  assert.equal(code, 0);
  const { coverage, ...expected } = findOpen(`:${port}`);
  const { coverage: told, ...found } = report;
  assert.deepEqual(found, JSON.parse(JSON.stringify(expected)));
  assert.deepEqual(Object.keys(told).sort(), Object.keys(coverage).sort());
});

test('a free port is 1', async () => {
  const free = fds.add(sockets.listener(sockets.STREAM, sockets.inetAddress(LOOPBACK)));
  const number = sockets.portOf(free);
  fds.close(free);
  const { code, out, err } = await kcmp('who', `:${number}`);
  assert.equal(code, nobody(err));
  assert.match(out, new RegExp(`^:${number} is open nowhere`));
});

test('a free port is 1 whoever may not be looked at, since no list of the kernel has it', {
  skip: needsRoot || noAnswers,
}, () => {
  const free = fds.add(sockets.listener(sockets.STREAM, sockets.inetAddress(LOOPBACK)));
  const number = sockets.portOf(free);
  fds.close(free);
  const { code, out, err } = kcmpProcess(['who', `:${number}`], AS_NOBODY);
  const [major = 0, minor = 0] = release().split('.').map(Number);
  // Before, one that is bound and nothing else was in no list.
  if (major < 6 || (major === 6 && minor < 8)) return assert.equal(code, 2);
  assert.deepEqual([code, out, err], [1, `:${number} is open nowhere.\n`, '']);
});

test('a listener whose process may not be looked at is told with its user, and is 2', {
  skip: needsRoot || noAnswers,
}, () => {
  const { code, out, err } = kcmpProcess(['who', `:${port}`], AS_NOBODY);
  assert.equal(code, 2, err);
  assert.match(
    out,
    new RegExp(
      `^tcp 127.0.0.1:${port} listening, of user root, is held by a process that may not be looked at; run as`,
    ),
  );
  assert.match(err, /not everything could be seen/);
});

test('a socket that is in flight is 2', { skip: !isAlone && 'others may not be looked at' }, async () => {
  const fd = fds.add(sockets.listener(sockets.STREAM, sockets.inetAddress(LOOPBACK)));
  const number = sockets.portOf(fd);
  const [here, there] = libc.socketpair().map((fd) => fds.add(fd)) as [number, number];
  libc.sendFd(here, fd);
  fds.close(fd);
  const { code, out } = await kcmp('who', `:${number}`);
  assert.equal(code, 2);
  assert.match(out, /is held by no descriptor/);
  fds.add(libc.receiveFd(there));
});

test('connections of many states are counted by state', () => {
  const coverage = { processes: 1, tasks: 1, descriptors: 1, skipped: [] };
  const name = 'tcp 127.0.0.1:80 -> 127.0.0.1:81 time-wait';
  const unheld = [
    { name, state: 'TIME_WAIT' },
    { name, state: 'TIME_WAIT' },
    { name, state: 'not-accepted' },
  ];
  assert.deepEqual(openText({ reference: ':80', files: [], elsewhere: [], unheld, coverage }, false), [
    ':80 is open nowhere; 2 connections in TIME_WAIT are held by nobody; 1 connection is not accepted yet.',
  ]);
});

const hasFlock = spawnSync('flock', ['--version']).status === 0;

test('a lock file whose taker has ended is held by what it left behind', {
  skip: !hasFlock && 'no flock',
}, async () => {
  const lock = join(folder, 'app.pid');
  const told = join(folder, 'told');
  const script = `exec 9>>'${lock}'; flock -n 9; sleep 1000 & echo $! >'${told}'`;
  await child.run(
    ({ childProcess }, script: string) => void childProcess.spawnSync('sh', ['-c', script], { stdio: 'ignore' }),
    script,
  );
  assert.ok(existsSync(told));
  const pid = Number(readFileSync(told, 'utf8'));
  try {
    await untilNamed(pid, 'sleep');
    const { code, out } = await kcmp('who', lock);
    assert.equal(code, 0);
    assert.match(
      out,
      new RegExp(
        `^${lock} is held by sleep \\(${pid}\\), fd 9; its lock \\(flock, write\\) is kept by sleep \\(${pid}\\), fd 9, ` +
          'taken by (?:pid \\d+, which|a process that) has ended.*\\.\n',
      ),
    );
  } finally {
    process.kill(pid, 'SIGKILL');
  }
});

test('what only the caller has is nobody else’s', async () => {
  const path = join(folder, 'own');
  fds.add(openSync(path, 'w'));
  const { code, err } = await kcmp('who', path);
  assert.equal(code, nobody(err));
  assert.ok(isRoot || err !== '');
});

test('a port of UDP-Lite is found where no protocol is named', async (t) => {
  await using child = await startChild();
  const found = await child.run(({ sockets }) => {
    try {
      const fd = sockets.socket(sockets.AF_INET, sockets.DGRAM, 136);
      sockets.bind(fd, sockets.inetAddress({ address: '127.0.0.1', port: 0 }));
      return { fd, port: sockets.portOf(fd) };
    } catch {
      return undefined;
    }
  });
  if (found === undefined || found.fd < 0) return t.skip('this kernel has no UDP-Lite');
  const { code, out } = await kcmp('who', `:${found.port}`);
  assert.equal(code, 0);
  assert.match(out, new RegExp(`^udp lite is held by \\S+ \\(${child.pid}\\), fd ${found.fd}\\.\\n`));
  assert.equal((await kcmp('who', `udp:${found.port}`)).code, 1);
});
