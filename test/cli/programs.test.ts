/** kcmp who of programs that nobody here wrote: a web server and its log, a lock and a pid file, a session of ssh. */
import { isAlone } from '../support/alone.ts';
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  unlinkSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { OpenReport } from '../../src/index.ts';
import { untilNamed } from '../support/scenes.ts';
import { findProgram, freePort, missing, nginxMissing, startNginx, type Nginx } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { needsRoot } from '../support/user.ts';
import { kcmp, kcmpJson } from './command.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp-programs-')));
const started: number[] = [];
after(() => {
  for (const pid of started) process.kill(pid, 'SIGKILL');
  rmSync(folder, { recursive: true });
});

const firstLine = async (...args: Array<string | number>): Promise<string> =>
  (await kcmp('who', ...args)).out.split('\n', 1)[0] as string;

/** The number that a shell wrote into a file as soon as it knew it. */
const numberIn = (path: string): Promise<number> =>
  until(`${path} is written`, () => (existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0) || undefined);

describe('nginx', { skip: nginxMissing }, () => {
  let nginx: Nginx;
  before(async () => {
    nginx = await startNginx({ workers: 2 });
  });
  after(() => nginx.stop());
  const all = (): number[] => [nginx.master, ...nginx.workers];
  const pidsOf = async (reference: string): Promise<number[]> => {
    const { code, out } = await kcmp('who', reference, '--pids');
    assert.equal(code, 0);
    return out
      .trim()
      .split('\n')
      .map(Number)
      .sort((a, b) => a - b);
  };

  test('has a listener on a path that the master and all workers hold, and who is connected to it', async () => {
    assert.deepEqual(
      await pidsOf(nginx.path),
      all().sort((a, b) => a - b),
    );
    assert.match(
      await firstLine(nginx.path),
      new RegExp(`^unix stream ${nginx.path} listening is held by nginx \\(\\d+\\), fd \\d+, and 2 more processes\\.$`),
    );
    const client = connect(nginx.path);
    try {
      client.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n');
      await until('nginx has answered', () => client.read() ?? undefined);
      assert.match(await firstLine(nginx.path), /; 1 connection besides, which --all lists\.$/);
      const { report } = await kcmpJson<OpenReport>('who', nginx.path);
      const connection = report.files.find(({ isConnection }) => isConnection);
      assert.ok(nginx.workers.includes(connection?.holders[0]?.pid as number));
    } finally {
      client.destroy();
    }
  });

  test('keeps a log under its new name, and deleted, until it opens it again', async () => {
    const [log, old] = [nginx.log, `${nginx.log}.1`];
    assert.deepEqual(
      await pidsOf(log),
      all().sort((a, b) => a - b),
    );
    renameSync(log, old);
    assert.match(await firstLine(log), / is open nowhere.*: it does not exist\.$/);
    assert.deepEqual(
      await pidsOf(old),
      all().sort((a, b) => a - b),
    );
    unlinkSync(old);
    assert.match(
      await firstLine(old),
      new RegExp(`^deleted file ${old} is held by nginx \\(\\d+\\), fd \\d+, and 2 more processes`),
    );
    // Workers open it as an ordinary user.
    chmodSync(dirname(log), 0o755);
    process.kill(nginx.master, 'SIGUSR1');
    await until('the log is there again', async () => (await kcmp('who', old)).code !== 0 || undefined);
    assert.deepEqual(
      await pidsOf(log),
      all().sort((a, b) => a - b),
    );
  });
});

describe('flock(1) of util-linux', { skip: missing('flock') }, () => {
  const lock = join(folder, 'app.pid');
  let keeper: number;
  let waiter: ChildProcess;
  before(async () => {
    // A daemon writes its number into what it has locked, starts a helper, and ends.
    const script = `exec 9>>'${lock}'; flock -n 9 && echo $$ >'${lock}'; sleep 1000 & echo $! >'${folder}/keeper'`;
    spawnSync('sh', ['-c', script], { stdio: 'ignore' });
    keeper = await numberIn(join(folder, 'keeper'));
    started.push(keeper);
    await untilNamed(keeper, 'sleep');
    waiter = spawn('flock', [lock, 'true'], { stdio: 'ignore' });
  });
  after(() => waiter.kill('SIGKILL'));

  test('waits for a pid file whose process has ended: who keeps it is told, and who waits', async () => {
    const written = readFileSync(lock, 'utf8').trim();
    assert.ok(!existsSync(`/proc/${written}`));
    const told = new RegExp(
      `; its lock \\(flock, write\\) is kept by sleep \\(${keeper}\\), fd 9, taken by (?:pid \\d+, which|a process that) ` +
        `has ended[^;]*; flock \\(${waiter.pid}\\) waits for it`,
    );
    await until('it waits', async () => told.test(await firstLine(lock)) || undefined);
    const { code, out } = await kcmp('who', lock, '--pids');
    assert.equal(code, 0);
    assert.ok(out.split('\n').includes(`${keeper}`));
  });
});

const SSH = ['sshd', 'ssh', 'ssh-keygen'].map(missing).find((why) => why !== false) ?? false;

// What a session starts leaves the process group, and ends with the namespace.
describe('a session of sshd', { skip: SSH || needsRoot || (!isAlone && 'others may not be looked at') }, () => {
  let client: ChildProcess;
  let job: number;
  before(async () => {
    mkdirSync('/run/sshd', { recursive: true });
    for (const key of ['host', 'me'])
      spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, key)], { stdio: 'ignore' });
    const port = await freePort();
    const options = [
      'StrictModes=no',
      'UsePAM=no',
      `PidFile=${folder}/sshd.pid`,
      `AuthorizedKeysFile=${folder}/me.pub`,
    ];
    const settings = options.flatMap((option) => ['-o', option]);
    const where = ['-f', '/dev/null', '-h', join(folder, 'host'), '-o', 'ListenAddress=127.0.0.1', '-p', `${port}`];
    started.push(
      spawn(findProgram('sshd') as string, ['-D', ...where, ...settings], { stdio: 'ignore' }).pid as number,
    );
    await numberIn(join(folder, 'sshd.pid'));
    const known = ['-o', 'StrictHostKeyChecking=no', '-o', `UserKnownHostsFile=${folder}/known`];
    const command = `sleep 1000 & echo $! >'${folder}/job'`;
    client = spawn(
      'ssh',
      ['-F', '/dev/null', '-i', join(folder, 'me'), '-p', `${port}`, ...known, 'root@127.0.0.1', command],
      { stdio: 'ignore' },
    );
    job = await numberIn(join(folder, 'job'));
    started.push(job);
    await untilNamed(job, 'sleep');
  });
  after(() => client.kill('SIGKILL'));

  test('does not end: who has the other end of its pipes is told by the id of that sshd alone', async () => {
    assert.equal(client.exitCode, null);
    const { report } = await kcmpJson<OpenReport>('who', job);
    const ends = report.files.flatMap(({ otherEnd }) => otherEnd?.holders ?? []);
    const session = ends.find(({ command }) => command?.startsWith('sshd'))?.pid as number;
    assert.match(
      await firstLine(session),
      new RegExp(`(?:other ends?|that|those) of fd [\\d, and]+ (?:(?:is|are) held )?by sleep \\(${job}\\), fd [12]`),
    );
  });
});
