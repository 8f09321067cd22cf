/** The two sides of a pseudoterminal, of the right devpts. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { constants, openSync, readlinkSync } from 'node:fs';
import { after, afterEach, before, describe, test, type TestContext } from 'node:test';
import type { FileRef, OtherEnd } from '../../src/index.ts';
import { Fds, refs } from '../support/brute.ts';
import { startChild, type Child } from '../support/child.ts';
import { findHolders, findOpen } from '../support/door.ts';
import { openTty } from '../support/kinds.ts';
import { needsRoot } from '../support/user.ts';

const me = process.pid;
const scene = new Fds();
afterEach(() => scene.closeAll());
const mine = (fd: number): FileRef => ({ pid: me, fd });
const pty = (): [master: number, tty: number] => openTty().map((fd) => scene.add(fd)) as [number, number];

async function otherEnd(file: FileRef, pids: number[] = [me]): Promise<OtherEnd> {
  const { otherEnd } = await findHolders(file, { pids });
  assert.ok(otherEnd);
  assert.equal(otherEnd.via, 'tty-index', `${otherEnd.state}: ${otherEnd.reason}`);
  return otherEnd;
}

test('a master has its slave, and the slave its master, whoever holds them', async () => {
  const [master, tty] = pty();
  const other = pty();
  const path = readlinkSync(`/proc/self/fd/${tty}`);
  const heir = await startChild({ fds: [tty, master] });
  const pids = [me, heir.pid];
  const found = await otherEnd(mine(master), pids);
  const holders = refs([mine(tty), { pid: heir.pid, fd: 4 }]);
  assert.deepEqual([found.state, found.name, refs(found.holders)], ['connected', `slave ${path}`, holders]);
  assert.deepEqual(
    found.ends.map(({ link, name, state, holders }) => [link, name, state, refs(holders)]),
    [[path, `slave ${path}`, 'connected', holders]],
  );
  const back = await otherEnd(mine(tty), pids);
  assert.deepEqual(
    [back.state, back.name, refs(back.holders)],
    ['connected', `master of ${path}`, refs([mine(master), { pid: heir.pid, fd: 5 }])],
  );
  assert.equal(back.ends.length, 1);
  assert.deepEqual(refs((await otherEnd(mine(other[0]), pids)).holders), [mine(other[1])]);
  await heir.stop();
});

test('a slave that is opened once more is an end of its own; masters of others are not told at all', async () => {
  const [master, tty] = pty();
  pty();
  const path = readlinkSync(`/proc/self/fd/${tty}`);
  const again = scene.add(openSync(path, constants.O_RDWR | constants.O_NOCTTY));
  const O_PATH = 0o10000000;
  scene.add(openSync(path, O_PATH));
  const { ends } = await otherEnd(mine(master));
  assert.deepEqual(
    ends.map(({ holders }) => refs(holders)),
    [[mine(tty)], [mine(again)]],
  );
  assert.deepEqual((await findHolders(mine(master), { pids: [me] })).sameInode, []);
});

test('the kernel tells that a master is closed, not that a slave is', async () => {
  const [master, tty] = pty();
  scene.close(master);
  const { state, holders, reason } = await otherEnd(mine(tty));
  assert.deepEqual([state, holders, reason], ['closed', [], undefined]);
  const [lonely, gone] = pty();
  scene.close(gone);
  const unknown = await otherEnd(mine(lonely));
  assert.deepEqual([unknown.state, unknown.reason], ['unknown', 'only the processes asked for were looked at']);
  const { otherEnd: whole } = await findHolders(mine(lonely));
  assert.deepEqual(whole?.holders, []);
  assert.ok(['closed', 'unseen', 'unknown'].includes(`${whole?.state}`));
  assert.equal(whole?.state === 'closed', whole?.reason === undefined);
});

const PYTHON = `
import ctypes, os, pty, sys
pid, master = pty.fork()
if pid == 0:
    ctypes.CDLL(None).prctl(1, 9)
    tty = os.open('/dev/tty', os.O_RDWR)
    for fd in (0, 1, 2)[int(sys.argv[1]):]: os.close(fd)
    os.write(tty, b'ready')
    while True: os.read(tty, 1)
while not os.read(master, 5).endswith(b'y'): pass
print(pid, master, flush=True)
sys.stdin.read()
`;
const hasPython = spawnSync('python3', ['-c', 'import pty, ctypes']).status === 0;

/** A shell that has /dev/tty and the first so many of its standard descriptors, and who has its terminal's master. */
async function shellOn(t: TestContext, kept: number): Promise<{ shell: number; master: number; pids: number[] }> {
  const python = spawn('python3', ['-c', PYTHON, `${kept}`], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => once(python.stdin.end() && python, 'exit'));
  const [line] = (await once(createInterface({ input: python.stdout }), 'line')) as [string];
  const [shell = 0, master = 0] = line.split(' ').map(Number);
  return { shell, master, pids: [shell, python.pid as number] };
}

test('/dev/tty may be the slave besides those who have that', { skip: !hasPython && 'needs python3' }, async (t) => {
  const { shell, master, pids } = await shellOn(t, 1);
  const [, host = 0] = pids;
  const { state, reason, holders } = await otherEnd({ pid: host, fd: master }, pids);
  assert.deepEqual([state, refs(holders)], ['connected', [{ pid: shell, fd: 0 }]]);
  assert.match(`${reason}`, new RegExp(`^fd \\d+ of pid ${shell}, which is /dev/tty, may be it as well$`));
  const other = pty();
  assert.equal((await otherEnd(mine(other[0]), [...pids, me])).reason, undefined, 'that of another terminal');
});

test('/dev/tty may be the slave, which then is not closed', { skip: !hasPython && 'needs python3' }, async (t) => {
  const { shell, master, pids } = await shellOn(t, 0);
  const [, host = 0] = pids;
  const { name, state, reason, holders } = await otherEnd({ pid: host, fd: master }, pids);
  assert.deepEqual([state, holders], ['unknown', []]);
  // Nor is it open nowhere.
  const { files, coverage } = await findOpen(name?.replace('slave ', '') ?? '', { pids });
  assert.deepEqual(files, []);
  assert.ok(coverage.skipped.some((one) => one.pid === shell && /^has \/dev\/tty open/.test(one.reason)));
  assert.match(`${reason}`, new RegExp(`^fd \\d+ of pid ${shell}, which is /dev/tty, may be it; only`));
  const { otherEnd: whole } = await findHolders({ pid: host, fd: master });
  assert.ok(whole?.state === 'unseen' || whole?.state === 'unknown', whole?.state);
});

test('of a devpts that is mounted over another the masters of one number are told of neither', {
  skip: needsRoot,
}, async () => {
  await using child = await startChild({ wrapper: ['unshare', '--mount', '--propagation', 'private'] });
  const [below, above] = await child.run(
    async ({ libc }, kinds: string) => {
      const { openTty } = (await import(kinds)) as typeof import('../support/kinds.ts');
      const mount = (): void => void libc.mount('none', '/dev/pts', 'devpts', 0, 'newinstance,ptmxmode=0666');
      mount(); // which begins with 0
      const below = openTty();
      mount();
      return [below, openTty()] as const;
    },
    new URL('../support/kinds.ts', import.meta.url).href,
  );
  const ask = (fd: number): Promise<OtherEnd> => otherEnd({ pid: child.pid, fd }, [child.pid]);
  for (const [fd, why] of [
    [below[0], /a master of this number as well, of another devpts/],
    [above[0], /a master of this number as well, of another devpts/],
    [above[1], /a master of this number as well, of another devpts/],
    [below[1], /a master of this number of some devpts, may be it/],
  ] as const) {
    const { state, reason, holders } = await ask(fd);
    assert.deepEqual(holders, []);
    assert.match(state, /^un(?:known|seen)$/);
    assert.match(reason ?? '', why);
  }
  await child.run(({ fs }, fd: number) => fs.closeSync(fd), below[0]);
  assert.deepEqual(refs((await ask(above[0])).holders), [{ pid: child.pid, fd: above[1] }]);
});

describe('two devpts with the same numbers', { skip: needsRoot }, () => {
  let children: Child[];
  let ends: Array<{ pid: number; masters: number[]; slaves: number[]; paths: string[] }>;
  before(async () => {
    children = await Promise.all(
      [1, 2].map(() => startChild({ wrapper: ['unshare', '--mount', '--propagation', 'private'] })),
    );
    ends = await Promise.all(
      children.map((child) =>
        child.run(
          async ({ fs, libc }, kinds: string) => {
            libc.mount('none', '/dev/pts', 'devpts', 0, 'newinstance,ptmxmode=0666');
            const { openTty } = (await import(kinds)) as typeof import('../support/kinds.ts');
            // By the devpts itself, and by the device beside it.
            const first = fs.openSync('/dev/pts/ptmx', fs.constants.O_RDWR | fs.constants.O_NOCTTY);
            const second = openTty();
            libc.ioctl(first, process.arch === 'ppc64' ? 0x80045431 : 0x40045431, libc.addressOf(new Uint8Array(4)));
            const paths = ['/dev/pts/0', '/dev/pts/1'];
            const slave = fs.openSync('/dev/pts/0', fs.constants.O_RDWR | fs.constants.O_NOCTTY);
            return { pid: process.pid, masters: [first, second[0]], slaves: [slave, second[1]], paths };
          },
          new URL('../support/kinds.ts', import.meta.url).href,
        ),
      ),
    );
  });
  after(() => Promise.all(children.map((child) => child.stop())));

  test('are told apart, from either side', async () => {
    const pids = ends.map(({ pid }) => pid);
    for (const { pid, masters, slaves, paths } of ends) {
      for (const i of [0, 1]) {
        const [master, slave] = [masters[i] as number, slaves[i] as number];
        assert.equal(readlinkSync(`/proc/${pid}/fd/${slave}`), paths[i]);
        const to = await otherEnd({ pid, fd: master }, pids);
        assert.deepEqual(
          [to.state, to.name, refs(to.holders)],
          ['connected', `slave ${paths[i]}`, [{ pid, fd: slave }]],
        );
        const back = await otherEnd({ pid, fd: slave }, pids);
        assert.deepEqual([back.state, refs(back.holders)], ['connected', [{ pid, fd: master }]]);
      }
    }
  });

  test('a master that came from another mount namespace is told by its devpts, or not', async () => {
    const [{ pid, masters, slaves }] = ends as [(typeof ends)[0]];
    const outside = await startChild({ fds: [] });
    const given = await outside.run(
      ({ libc, fs }, pid: number, fds: number[]) => {
        const GETFD = 438;
        const pidfd = libc.pidfdOpen(pid);
        const got = fds.map((fd) => libc.syscall(GETFD, pidfd, fd, 0));
        fs.closeSync(pidfd);
        return got;
      },
      pid,
      masters,
    );
    const pids = [pid, outside.pid];
    // By the file of the devpts; the device beside it says nothing where its mounts are not to be seen.
    const known = await otherEnd({ pid: outside.pid, fd: given[0] as number }, pids);
    assert.deepEqual([known.state, refs(known.holders)], ['connected', [{ pid, fd: slaves[0] as number }]]);
    const unknown = await otherEnd({ pid: outside.pid, fd: given[1] as number }, pids);
    assert.deepEqual(
      [unknown.state, unknown.holders, unknown.reason],
      ['unknown', [], 'which devpts it is of could not be told'],
    );
    await outside.stop();
  });
});
