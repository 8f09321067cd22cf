/** kcmp who of what was left behind: that nobody serves it, and what can be told of where it came from. */
import { isAlone } from '../support/alone.ts';
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { OpenReport } from '../../src/index.ts';
import { type Child, startChild } from '../support/child.ts';
import { statOf, untilNamed } from '../support/scenes.ts';
import { until } from '../support/until.ts';
import { kcmp, kcmpJson } from './command.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kcmp-who-left-')));
const left: number[] = [];
after(() => {
  for (const pid of left) process.kill(pid, 'SIGKILL');
  rmSync(folder, { recursive: true });
});

const notAlone = !isAlone && 'others may not be looked at';

/** A sleep that a shell below the child started and left, which has a descriptor of the child's as fd 3. */
async function leave(child: Child, fd: number): Promise<number> {
  const pid = await child.run(({ childProcess }, fd: number) => {
    const stdio = ['ignore', 'pipe', 'ignore', fd] as Array<'ignore' | 'pipe' | number>;
    return Number(childProcess.spawnSync('sh', ['-c', 'sleep 1000 >/dev/null & echo $!'], { stdio }).stdout.toString());
  }, fd);
  left.push(pid);
  await untilNamed(pid, 'sleep');
  // Where it waits some kernels tell of nobody, and who may not trace it is not told by it either.
  await until('it sleeps', () => (mayTrace(pid) ? callOf(pid) !== 'running\n' : statOf(pid)[0] === 'S'));
  return pid;
}

const callOf = (pid: number): string => readFileSync(`/proc/${pid}/syscall`, 'utf8');

function mayTrace(pid: number): boolean {
  try {
    return callOf(pid) !== '';
  } catch {
    return false;
  }
}

const NOT_THE_PARENTS =
  '; [^.]*its parent 1 \\(sh\\) does not have it: if it was inherited, then from a process that has ended or closed it\\b';

describe('a port that a helper keeps whose server has ended', () => {
  let port: number;
  let pid: number;
  before(async () => {
    await using server = await startChild();
    const [fd, number] = await server.run(({ sockets }) => {
      const fd = sockets.listener(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port: 0 }));
      return [fd, sockets.portOf(fd)] as const;
    });
    port = number;
    // The server itself waits for events, and may accept.
    assert.doesNotMatch((await kcmp('who', `:${port}`)).out, /none of these accepts/);
    pid = await leave(server, fd);
    assert.doesNotMatch((await kcmp('who', `:${port}`)).out, /none of these accepts/);
  });

  test('is told to be accepted by nobody, from the port, the descriptor and the process', async () => {
    const idle = mayTrace(pid)
      ? `; none of these accepts at this moment: ${pid} \\(sleep\\) waits in clock_nanosleep`
      : '';
    const giver = isAlone ? NOT_THE_PARENTS : '';
    const byPort = await kcmp('who', `:${port}`);
    assert.match(byPort.out, new RegExp(`^tcp .* listening is held by sleep \\(${pid}\\), fd 3${idle}${giver}`));
    const byFd = await kcmp('who', `${pid}:3`);
    assert.match(byFd.out, new RegExp(`is held by nobody else[^;]*${idle}${giver}`));
    const { out } = await kcmp('who', pid);
    assert.equal(/^ *3 .*none of these accepts$/m.test(out), idle !== '', out);
  });

  test('is so in the report', { skip: notAlone }, async () => {
    const { report } = await kcmpJson<OpenReport>('who', `:${port}`);
    assert.deepEqual(report.files[0]?.idle, [{ pid, task: pid, call: 'clock_nanosleep' }]);
  });
});

test('a server that is stopped accepts nothing', async () => {
  await using server = await startChild();
  const port = await server.run(({ sockets }) =>
    sockets.portOf(sockets.listener(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port: 0 }))),
  );
  server.process.kill('SIGSTOP');
  const { out } = await until('it is stopped', async () => {
    const answer = await kcmp('who', `:${port}`);
    return answer.out.includes('is stopped') ? answer : undefined;
  });
  assert.match(
    out.split('\n')[0] ?? '',
    new RegExp(`; none of these accepts at this moment: ${server.pid} \\([^)]*\\) is stopped`),
  );
});

test('a process whose session is not its parent’s was left by one that has ended', { skip: notAlone }, async () => {
  await using server = await startChild();
  const [fd, port] = await server.run(({ libc, sockets }) => {
    // A session of its own, which the namespace ends all the same.
    libc.syscall({ x64: 112, ia32: 66, arm: 66, ppc64: 66 }[process.arch as string] ?? 157);
    const fd = sockets.listener(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port: 0 }));
    return [fd, sockets.portOf(fd)] as const;
  });
  const pid = await leave(server, fd);
  await server.stop();
  const { out } = await kcmp('who', `:${port}`);
  assert.match(
    out,
    new RegExp(`; the process that started ${pid} \\(sleep\\) has ended, and its new parent 1 \\(sh\\) `),
  );
});

test('a deleted log that a helper keeps is not its parent’s any more', async () => {
  const log = join(folder, 'big.log');
  await using main = await startChild();
  const pid = await main.run(({ fs, childProcess, keep }, log: string) => {
    const fd = fs.openSync(log, 'a');
    fs.writeSync(fd, Buffer.alloc(1 << 20));
    const helper = childProcess.spawn('sleep', ['1000'], { stdio: ['ignore', fd, fd] });
    keep['helper'] = helper;
    keep['log'] = fd;
    fs.unlinkSync(log);
    return helper.pid as number;
  }, log);
  left.push(pid);
  await untilNamed(pid, 'sleep');
  const both = await kcmp('who', log);
  assert.match(both.out, /^deleted file \/.*\/big\.log is held by [^;]*, and 1 more process\.\n/);
  await main.run(({ fs, keep }) => fs.closeSync(keep['log'] as number));
  const { out } = await kcmp('who', log);
  assert.match(
    out,
    new RegExp(
      `^deleted file /.*/big\\.log is held by sleep \\(${pid}\\), fd 1 and 2; its parent ${main.pid} \\([^)]*\\) ` +
        'does not have it: if it was inherited, then from a process that has ended or closed it\\.\n',
    ),
  );
});

test('who has a memfd mapped and no descriptor of it is told first', { skip: notAlone }, async () => {
  await using owner = await startChild();
  const fd = await owner.run(({ libc, fs }) => {
    const fd = libc.memfd('left');
    fs.ftruncateSync(fd, 4096);
    return fd;
  });
  await using mapper = await startChild();
  await mapper.run(({ libc, fs, keep }, path: string) => {
    const fd = fs.openSync(path, 'r+');
    keep['mapping'] = libc.mapShared(fd, 4096);
    keep['fd'] = fd;
  }, `/proc/${owner.pid}/fd/${fd}`);
  const both = await kcmp('who', 'memfd:left');
  assert.match(both.out.split('\n')[0] ?? '', new RegExp(`; its inode is mapped by ${mapper.pid} \\([^)]*\\)\\.$`));
  await mapper.run(({ fs, keep }) => fs.closeSync(keep['fd'] as number));
  for (const reference of ['memfd:left', `${owner.pid}:${fd}`]) {
    const { out } = await kcmp('who', reference);
    const only = new RegExp(`; its inode is mapped by ${mapper.pid} \\([^)]*\\), without a descriptor\\.$`);
    assert.match(out.split('\n')[0] ?? '', only);
  }
});
