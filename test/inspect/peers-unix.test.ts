/** The other end of sockets of AF_UNIX, as the kernel names it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { OtherEnd } from '../../src/index.ts';
import { Fds, refs } from '../support/brute.ts';
import { startChild, type Child } from '../support/child.ts';
import { noAnswers } from '../support/diag.ts';
import { findHolders } from '../support/door.ts';
import { factsOf, mine, one } from '../support/ends.ts';
import * as libc from '../support/libc.ts';
import { untilNamed } from '../support/scenes.ts';
import * as sockets from '../support/sockets.ts';
import { needsRoot } from '../support/user.ts';

const { STREAM, DGRAM, SEQPACKET } = sockets;

const me = process.pid;
const folder = mkdtempSync(join(tmpdir(), 'kcmp-peers-'));
const scene = new Fds();
afterEach(() => scene.closeAll());
let child: Child;
before(async () => {
  child = await startChild();
});
after(async () => {
  await child.stop();
  rmSync(folder, { recursive: true });
});

let names = 0;
const abstractName = (): string => `@kcmp peers ${me} ${names++}`;
const path = (): string => join(folder, `socket-${names++}`);
const add = (fd: number): number => scene.add(fd);
const pair = (type: number): [number, number] => sockets.pair(type).map(add) as [number, number];
const listener = (name: string, type: number = STREAM): number =>
  add(sockets.listener(type, sockets.unixAddress(name)));
const client = (name: string, type: number = STREAM): number => add(sockets.client(type, sockets.unixAddress(name)));
const accept = (fd: number): number => add(sockets.accept(fd));

async function otherEnd(fd: number, pids: number[] = [me, child.pid]): Promise<OtherEnd> {
  const report = await findHolders(mine(fd), { pids });
  assert.deepEqual([report.kind, report.sameInode], ['socket', []]);
  assert.ok(report.otherEnd);
  assert.equal(report.otherEnd.via, 'kernel');
  return report.otherEnd;
}

describe('asked by netlink', { skip: noAnswers }, () => {
  for (const [kind, type] of Object.entries({ stream: STREAM, dgram: DGRAM, seqpacket: SEQPACKET })) {
    test(`a pair of ${kind} sockets is each other’s other end, also in one process`, async () => {
      const [a, b] = pair(type);
      const found = await otherEnd(a);
      assert.deepEqual(factsOf(found), one('connected', b));
      assert.deepEqual([found.name, found.reason], [`unix ${kind}`, undefined]);
      assert.deepEqual(factsOf(await otherEnd(b)), one('connected', a));
    });

    test(`of a pair of ${kind} sockets the other end was closed`, async () => {
      const [a, b] = pair(type);
      scene.close(b);
      assert.deepEqual(factsOf(await otherEnd(a)), { state: 'closed', ends: [] });
    });
  }

  test('half-closed it still is connected', async () => {
    const [a, b] = pair(STREAM);
    sockets.shutdown(a, sockets.SHUT_WR);
    assert.deepEqual(factsOf(await otherEnd(a)), one('connected', b));
    assert.deepEqual(factsOf(await otherEnd(b)), one('connected', a));
    sockets.shutdown(a, sockets.SHUT_RD);
    assert.deepEqual(factsOf(await otherEnd(a)), one('connected', b));
  });

  for (const type of [STREAM, SEQPACKET])
    for (const [kind, newName] of Object.entries({ abstract: abstractName, path })) {
      test(`a client by ${kind} name, type ${type}: before it is accepted, and after`, async () => {
        const name = newName();
        const server = listener(name, type);
        assert.deepEqual(factsOf(await otherEnd(server)), { state: 'listening', ends: [] });
        const there = client(name, type);
        const waiting = await otherEnd(there);
        assert.deepEqual(factsOf(waiting), one('not-accepted', server, 'listening'));
        assert.equal(waiting.name, `unix ${type === STREAM ? 'stream' : 'seqpacket'} ${name} listening`);
        const asked = await otherEnd(server);
        assert.deepEqual(factsOf(asked), one('listening', there, 'not-accepted'));
        const here = accept(server);
        const accepted = await otherEnd(there);
        assert.deepEqual(factsOf(accepted), one('connected', here));
        assert.equal(accepted.name, `unix ${type === STREAM ? 'stream' : 'seqpacket'} ${name}`);
        assert.deepEqual(factsOf(await otherEnd(here)), one('connected', there));
        assert.deepEqual(factsOf(await otherEnd(server)), { state: 'listening', ends: [] });
      });
    }

  test('a client that shut both directions down before it was accepted is not closed', async () => {
    const name = abstractName();
    const server = listener(name);
    const there = client(name);
    for (const how of [sockets.SHUT_RD, sockets.SHUT_WR]) sockets.shutdown(there, how);
    assert.deepEqual(factsOf(await otherEnd(there)), one('not-accepted', server, 'listening'));
    scene.close(server);
    assert.deepEqual(factsOf(await otherEnd(there)), { state: 'closed', ends: [] });
  });

  test('a socket that is connected with nothing is unconnected', async () => {
    for (const type of [STREAM, DGRAM, SEQPACKET])
      assert.deepEqual(factsOf(await otherEnd(add(sockets.socket(sockets.AF_UNIX, type)))), {
        state: 'unconnected',
        ends: [],
      });
  });

  test('a datagram receiver has all its senders as ends, each of them the receiver', async () => {
    for (const name of [abstractName(), path()]) {
      const receiver = add(sockets.socket(sockets.AF_UNIX, DGRAM));
      sockets.bind(receiver, sockets.unixAddress(name));
      assert.deepEqual(factsOf(await otherEnd(receiver)), { state: 'unconnected', ends: [] });
      const senders = [client(name, DGRAM), client(name, DGRAM)].sort((a, b) => sockets.inoOf(a) - sockets.inoOf(b));
      const found = await otherEnd(receiver);
      assert.equal(found.state, 'connected');
      assert.deepEqual(refs(found.holders), refs(senders.map(mine)));
      assert.equal(found.ends.length, 2);
      const back = await otherEnd(senders[0] as number);
      assert.deepEqual([factsOf(back), back.name], [one('connected', receiver), `unix dgram ${name}`]);
      scene.close(receiver);
      assert.deepEqual(factsOf(await otherEnd(senders[0] as number)), { state: 'closed', ends: [] });
    }
  });

  test('a datagram socket that is connected with itself is its own other end', async () => {
    const name = abstractName();
    const own = add(sockets.socket(sockets.AF_UNIX, DGRAM));
    sockets.bind(own, sockets.unixAddress(name));
    sockets.connect(own, sockets.unixAddress(name));
    const copy = scene.dup(own);
    const { state, holders } = await otherEnd(own);
    assert.deepEqual([state, refs(holders)], ['connected', [mine(own), mine(copy)]]);
  });

  test('every process that has the other end is named, under its numbers', async () => {
    const [a, b] = pair(STREAM);
    const heirs = await Promise.all([1, 2].map(() => startChild({ fds: [b] })));
    scene.close(b);
    const { state, holders, ends } = await otherEnd(a, [me, ...heirs.map(({ pid }) => pid)]);
    assert.deepEqual([state, ends.length], ['connected', 1]);
    assert.deepEqual(refs(holders), refs(heirs.map(({ pid }) => ({ pid, fd: 4 }))));
    await Promise.all(heirs.map((heir) => heir.stop()));
  });

  test('what a child of Node writes to is held by the grandchild that outlives it', async () => {
    const parent = spawn('sh', ['-c', 'sleep 300 & echo $!'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const sleeper = Number(line);
    if (parent.exitCode === null) await once(parent, 'exit');
    await untilNamed(sleeper, 'sleep');
    const { fd } = (parent.stdout as unknown as { _handle: { fd: number } })._handle;
    const found = await otherEnd(fd, [me, sleeper]);
    assert.deepEqual(
      found.holders.map(({ pid, fd, command }) => ({ pid, fd, command })),
      [{ pid: sleeper, fd: 1, command: 'sleep' }],
    );
    process.kill(sleeper);
    await once(parent, 'close');
  });

  test('an end in flight is connected, and nobody is said to have it', async () => {
    const [a, b] = pair(STREAM);
    const [here, there] = pair(STREAM);
    libc.sendFd(here, b);
    scene.close(b);
    const { state, reason, holders, ends } = await otherEnd(a);
    const where = `it may be in flight to fd ${there} of pid ${me}`;
    assert.deepEqual(
      [state, reason, holders],
      ['unknown', `${where}; only the processes asked for were looked at`, []],
    );
    assert.deepEqual(
      ends.map(({ name, state }) => [name, state]),
      [['unix stream', 'connected']],
    );
    const arrived = add(libc.receiveFd(there));
    assert.deepEqual(factsOf(await otherEnd(a)), one('connected', arrived));
  });

  test('a descriptor without access to a socket is no holder of it, and has no other end', async () => {
    const O_PATH = 0o10000000;
    const [a, b] = pair(STREAM);
    const { openSync } = await import('node:fs');
    const named = add(openSync(`/proc/self/fd/${b}`, O_PATH));
    assert.deepEqual(factsOf(await otherEnd(a)), one('connected', b));
    const report = await findHolders(mine(named), { pids: [me] });
    assert.equal(report.otherEnd, null);
    assert.deepEqual(refs(report.sameInode), [mine(b)]);
  });

  describe('across network namespaces', { skip: needsRoot }, () => {
    let server: Child;
    before(async () => {
      server = await startChild({ wrapper: ['unshare', '--net'] });
    });
    after(() => server.stop());

    test('a client of a server in another one, before it is accepted and after', async () => {
      const name = path();
      const listening = await server.run(
        ({ sockets }, name: string) => sockets.listener(sockets.STREAM, sockets.unixAddress(name)),
        name,
      );
      const there = client(name);
      const waiting = await otherEnd(there, [me, server.pid]);
      assert.deepEqual([waiting.state, refs(waiting.holders)], ['not-accepted', [{ pid: server.pid, fd: listening }]]);
      const fd = await server.run(({ sockets }, fd: number) => sockets.accept(fd), listening);
      const accepted = await otherEnd(there, [me, server.pid]);
      assert.deepEqual([accepted.state, refs(accepted.holders)], ['connected', [{ pid: server.pid, fd }]]);
      const back = await findHolders({ pid: server.pid, fd }, { pids: [me, server.pid] });
      assert.deepEqual([back.otherEnd?.state, refs(back.otherEnd?.holders ?? [])], ['connected', [mine(there)]]);
    });

    test('who sends to a receiver in another one', async () => {
      const name = path();
      const receiver = await server.run(({ sockets }, name: string) => {
        const fd = sockets.socket(sockets.AF_UNIX, sockets.DGRAM);
        sockets.bind(fd, sockets.unixAddress(name));
        return fd;
      }, name);
      const sender = client(name, DGRAM);
      const { otherEnd: found } = await findHolders({ pid: server.pid, fd: receiver }, { pids: [me, server.pid] });
      assert.deepEqual([found?.state, refs(found?.holders ?? [])], ['connected', [mine(sender)]]);
    });
  });
});

test('where netlink is forbidden it is unknown, with the reason, or what a list of sockets tells', async () => {
  const asker = await startChild();
  const states = await asker.run(async ({ door, sockets, seccomp }) => {
    const name = `@kcmp peers ${process.pid}`;
    const listener = sockets.listener(sockets.STREAM, sockets.unixAddress(name));
    const fds = [...sockets.pair(sockets.STREAM), listener, sockets.socket(sockets.AF_UNIX, sockets.STREAM)];
    seccomp.refuse('socket', 'EPERM');
    const found = [];
    for (const fd of fds.slice(1)) {
      const { otherEnd } = await door.findHolders({ pid: process.pid, fd }, { pids: [process.pid] });
      found.push([otherEnd?.state, otherEnd?.reason, otherEnd?.holders.length]);
    }
    return found;
  });
  await asker.stop();
  const why = 'a filter or a security module forbids to ask the kernel about sockets (EPERM)';
  assert.deepEqual(states, [
    ['unknown', why, 0],
    ['unknown', `who waits to be accepted could not be told: ${why}`, 0],
    ['unconnected', undefined, 0],
  ]);
});
