/** The other end where not everything may be asked or seen: the right answer, or that it is unknown and why; never a wrong name. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { FileRef, OtherEnd } from '../../src/index.ts';
import { Fds, refs } from '../support/brute.ts';
import { type Child, startChild } from '../support/child.ts';
import { noAnswers } from '../support/diag.ts';
import { openTty } from '../support/kinds.ts';
import * as libc from '../support/libc.ts';
import * as sockets from '../support/sockets.ts';
import { AS_NOBODY, needsRoot, NOBODY } from '../support/user.ts';

const me = process.pid;
const scene = new Fds();
afterEach(() => scene.closeAll());
const mine = (fd: number): FileRef => ({ pid: me, fd });
const add = (fd: number): number => scene.add(fd);
const pair = (): [number, number] => sockets.pair(sockets.STREAM).map(add) as [number, number];

/** What somebody else is told; without `pids` about the whole machine. */
async function ask(asker: Child, file: FileRef, pids?: number[]): Promise<OtherEnd> {
  const otherEnd = await asker.run(
    async ({ door }, file: FileRef, pids: number[] | undefined) =>
      (await door.findHolders(file, pids === undefined ? {} : { pids })).otherEnd,
    file,
    pids,
  );
  assert.ok(otherEnd);
  return otherEnd;
}

describe('where kcmp is blocked, as in a container', { skip: noAnswers }, () => {
  let asker: Child;
  before(async () => {
    asker = await startChild();
    await asker.run(({ seccomp }) => seccomp.refuseKcmp('EPERM'));
  });
  after(() => asker.stop());
  const answers = async (fd: number): Promise<unknown> => {
    const { state, holders, ends } = await ask(asker, mine(fd), [me]);
    assert.deepEqual(refs(ends.flatMap((end) => end.holders)), refs(holders));
    const found = await asker.run(
      async ({ door }, pid: number, fd: number) => {
        const { files } = await door.findOpen(`${pid}`, { pids: [pid] });
        const file = files.find(({ holders }) => holders.some((holder) => holder.fd === fd));
        return [file?.otherEnd?.state, file?.otherEnd?.holders ?? []] as const;
      },
      me,
      fd,
    );
    assert.deepEqual([found[0], refs([...found[1]])], [state, refs(holders)], 'of all that the process has');
    return [state, refs(holders)];
  };

  test('who holds the other end is told as anywhere else', async () => {
    const [read, write] = scene.pipe();
    const [a, b] = pair();
    const copies = [write, b].map((fd) => scene.dup(fd)) as [number, number];
    const [master, tty] = openTty().map(add) as [number, number];
    const listener = add(sockets.listener(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port: 0 })));
    const address = sockets.inetAddress({ address: '127.0.0.1', port: sockets.portOf(listener) });
    const client = add(sockets.client(sockets.STREAM, address));
    assert.deepEqual(await answers(read), ['connected', refs([mine(write), mine(copies[0])])]);
    assert.deepEqual(await answers(write), ['connected', [mine(read)]]);
    assert.deepEqual(await answers(a), ['connected', refs([mine(b), mine(copies[1])])]);
    assert.deepEqual(await answers(b), ['connected', [mine(a)]]);
    assert.deepEqual(await answers(master), ['connected', [mine(tty)]]);
    assert.deepEqual(await answers(tty), ['connected', [mine(master)]]);
    assert.deepEqual(await answers(client), ['not-accepted', [mine(listener)]]);
    assert.deepEqual(await answers(listener), ['listening', [mine(client)]]);
  });

  test('what the kernel says is closed is closed, and the rest unknown', async () => {
    const [read, write] = scene.pipe();
    const [a, b] = pair();
    const [master, tty] = openTty().map(add) as [number, number];
    scene.close(write, b, master);
    assert.deepEqual(await answers(a), ['closed', []]);
    assert.deepEqual(await answers(tty), ['closed', []]);
    assert.deepEqual(await answers(read), ['unknown', []]);
  });
});

describe('as an ordinary user', { skip: needsRoot || noAnswers }, () => {
  let asker: Child;
  const own = { there: 4, read: 5 };
  /** Root's end of the socket, and of the pipe. */
  let ends: [socket: number, pipe: number];
  before(async () => {
    const [here, there] = sockets.pair(sockets.STREAM);
    const [read, write] = libc.pipe().map(libc.closeOnExec) as [number, number];
    asker = await startChild({ fds: [there, read], uid: NOBODY, gid: NOBODY });
    for (const fd of [there, read]) libc.close(fd);
    ends = [here, write];
  });
  after(async () => {
    await asker.stop();
    ends.forEach(libc.close);
  });

  test('a socket that root holds has its name and its state, and that its holder may not be seen is said', async () => {
    const found = await ask(asker, { pid: asker.pid, fd: own.there });
    assert.deepEqual([found.state, found.name, found.holders], ['unknown', 'unix stream', []]);
    assert.match(`${found.reason}`, /^\d+ process(?:es)? could not be looked at in full \(pid \d+: .+\)$/);
    assert.deepEqual(
      found.ends.map(({ link, state, holders }) => [link, state, holders]),
      [[`socket:[${sockets.inoOf(ends[0])}]`, 'connected', []]],
    );
  });

  test('a pipe that root writes to is not closed', async () => {
    const { state, reason, holders, ends } = await ask(asker, { pid: asker.pid, fd: own.read });
    assert.deepEqual([state, holders, ends], ['unknown', [], []]);
    assert.match(`${reason}`, /^(?:it may be .+; )?\d+ process(?:es)? could not be looked at in full/);
  });

  test('what the user holds is found all the same', async () => {
    const [pipe, socket] = await asker.run(({ libc, sockets }) => [libc.pipe(), sockets.pair(sockets.STREAM)]);
    for (const [one, other] of [pipe, socket] as Array<[number, number]>) {
      const { state, holders } = await ask(asker, { pid: asker.pid, fd: one }, [asker.pid]);
      assert.deepEqual([state, refs(holders)], ['connected', [{ pid: asker.pid, fd: other }]]);
    }
  });

  test('a socket of a network namespace that may not be entered is found by its list, or unknown', async () => {
    const inside = await startChild({ wrapper: ['unshare', '--net', '--', ...AS_NOBODY] });
    const fds = await inside.run(({ sockets }) => {
      const name = `@kcmp inside ${process.pid}`;
      const listener = sockets.listener(sockets.STREAM, sockets.unixAddress(name));
      return [...sockets.pair(sockets.STREAM), listener];
    });
    const [connected, listening] = [
      await ask(asker, { pid: inside.pid, fd: fds[0] as number }, [inside.pid]),
      await ask(asker, { pid: inside.pid, fd: fds[2] as number }, [inside.pid]),
    ];
    assert.deepEqual([connected.state, connected.holders], ['unknown', []]);
    assert.match(`${connected.reason}`, /another network namespace, which may not be entered/);
    // Of a list that names no clients nobody is not told to wait.
    assert.deepEqual([listening.state, listening.holders], ['unknown', []]);
    assert.match(`${listening.reason}`, /^who waits to be accepted could not be told: /);
    const receiver = await asker.run(({ fs, os, sockets }) => {
      const fd = sockets.socket(sockets.AF_UNIX, sockets.DGRAM);
      const path = `${os.tmpdir()}/kcmp-receiver-${process.pid}`;
      sockets.bind(fd, sockets.unixAddress(path));
      fs.unlinkSync(path);
      return fd;
    });
    // Somebody there may send to its path.
    const bound = await ask(asker, { pid: asker.pid, fd: receiver }, [asker.pid]);
    assert.deepEqual([bound.state, bound.holders], ['unknown', []]);
    assert.match(`${bound.reason}`, /^not all who send to it may be known: it may be in another network namespace/);
    await inside.stop();
  });
});

test('in a pid namespace nobody is said to be all', { skip: needsRoot }, async () => {
  const inside = await startChild({ wrapper: ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', '--'] });
  const found = await inside.run(async ({ door, libc, fs }) => {
    const [read, write] = libc.pipe();
    fs.closeSync(write);
    return (await door.findHolders({ pid: process.pid, fd: read })).otherEnd;
  });
  assert.deepEqual(
    [found?.state, found?.reason, found?.holders],
    ['unknown', 'processes outside of this pid namespace cannot be seen', []],
  );
  await inside.stop();
});
