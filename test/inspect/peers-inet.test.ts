/** The other end of TCP and UDP sockets: the mirrored addresses, over loopback and between namespaces. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { after, afterEach, before, describe, test } from 'node:test';
import type { OtherEnd } from '../../src/index.ts';
import type { Endpoint } from '../../src/util/socket.ts';
import { Fds, refs } from '../support/brute.ts';
import { startChild, type Child } from '../support/child.ts';
import { noAnswers } from '../support/diag.ts';
import { findHolders } from '../support/door.ts';
import { factsOf, mine, one } from '../support/ends.ts';
import * as sockets from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { needsRoot } from '../support/user.ts';

const { STREAM, DGRAM, inetAddress } = sockets;
const SEQPACKET_SCTP = 132;
const MPTCP = 262;

const me = process.pid;
const scene = new Fds();
afterEach(() => scene.closeAll());
const add = (fd: number): number => scene.add(fd);
const V4 = '127.0.0.1';
const V6 = '::1';
const hasV6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === V6));

interface Listener {
  fd: number;
  address: Buffer;
  port: number;
}
const listen = (address: string, mapped = false): Listener => {
  const fd = add(sockets.listener(STREAM, inetAddress({ address, port: 0 }, mapped)));
  const port = sockets.portOf(fd);
  return { fd, port, address: inetAddress({ address, port }, mapped) };
};
const client = (address: Buffer, type = STREAM): number => add(sockets.client(type, address));
const bound = (address: string, port = 0, mapped = false): { fd: number; port: number } => {
  const bytes = inetAddress({ address, port }, mapped);
  const fd = add(sockets.socket(bytes.readUInt16LE(0), DGRAM));
  sockets.bind(fd, bytes);
  return { fd, port: sockets.portOf(fd) };
};

async function otherEnd(fd: number, pids: number[] = [me]): Promise<OtherEnd> {
  const report = await findHolders(mine(fd), { pids });
  assert.ok(report.otherEnd);
  assert.equal(report.otherEnd.via, 'address');
  return report.otherEnd;
}
const none = (state: string): unknown => ({ state, ends: [] });

const KINDS: Array<[name: string, address: string, mapped: boolean]> = [
  ['IPv4', V4, false],
  ['IPv4 of an IPv6 socket', V4, true],
  ['IPv6', V6, false],
];

for (const [kind, address, mapped] of KINDS)
  describe(`TCP over loopback, ${kind}`, { skip: (address === V6 || mapped) && !hasV6 && 'has no IPv6' }, () => {
    const text = address === V6 ? `[${V6}]` : address;

    test('before it is accepted, and after', async () => {
      const server = listen(address, mapped);
      assert.deepEqual(factsOf(await otherEnd(server.fd)), none('listening'));
      const there = client(server.address);
      const waiting = await otherEnd(there);
      assert.deepEqual(factsOf(waiting), one('not-accepted', server.fd, 'listening'));
      assert.equal(waiting.name, `tcp ${text}:${server.port} listening`);
      const asked = await otherEnd(server.fd);
      assert.deepEqual(factsOf(asked), one('listening', there, 'not-accepted'));
      const here = add(sockets.accept(server.fd));
      const accepted = await otherEnd(there);
      assert.deepEqual(factsOf(accepted), one('connected', here));
      assert.equal(accepted.name, `tcp ${text}:${server.port} -> ${text}:${sockets.portOf(there)} established`);
      assert.deepEqual(factsOf(await otherEnd(here)), one('connected', there));
      assert.deepEqual(factsOf(await otherEnd(server.fd)), none('listening'));
    });

    test('half-closed it is connected; when the other end was closed it is that', async () => {
      const server = listen(address, mapped);
      const there = client(server.address);
      const here = add(sockets.accept(server.fd));
      sockets.shutdown(there, sockets.SHUT_WR);
      assert.deepEqual(factsOf(await otherEnd(here)), one('connected', there));
      assert.deepEqual(factsOf(await otherEnd(there)), one('connected', here));
      scene.close(there);
      assert.deepEqual(factsOf(await otherEnd(here)), none('closed'));
    });
  });

test('whose request is not answered is not connected yet', async () => {
  const SOCK_NONBLOCK = 0o4000;
  const address = inetAddress({ address: V4, port: 0 });
  const server = add(sockets.listener(STREAM, address, 0));
  address.writeUInt16BE(sockets.portOf(server), 2);
  // The kernel takes one more than the queue has room for, and answers no other.
  const clients = Array.from({ length: 4 }, () => {
    const fd = add(sockets.socket(sockets.AF_INET, STREAM | SOCK_NONBLOCK));
    assert.throws(() => sockets.connect(fd, address), /-115|EINPROGRESS/);
    return fd;
  });
  const { state, reason, holders } = await otherEnd(clients.at(-1) as number);
  assert.deepEqual([state, refs(holders)], ['not-accepted', [mine(server)]]);
  assert.match(reason ?? '', /^its request to connect is not answered/);
});

test('of several that listen at one address it is not told in whose queue one waits', async () => {
  const [SOL_SOCKET, SO_REUSEPORT] = [1, 15];
  const servers: number[] = [];
  const address = inetAddress({ address: V4, port: 0 });
  for (const _ of [1, 2]) {
    const fd = add(sockets.socket(sockets.AF_INET, STREAM));
    sockets.setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    sockets.bind(fd, address);
    sockets.listen(fd, 100);
    address.writeUInt16BE(sockets.portOf(fd), 2);
    servers.push(fd);
  }
  const clients = Array.from({ length: 20 }, () => client(address));
  const { state, reason, holders } = await otherEnd(clients[0] as number);
  assert.deepEqual([state, refs(holders)], ['not-accepted', refs(servers.map(mine))]);
  assert.equal(reason, 'one of these has it, and nothing tells which');
});

test('who is connected with an address of this machine is not said to be so with another one', {
  skip: needsRoot,
}, async () => {
  // Connected without being answered, as behind a translation of addresses.
  const [IPPROTO_TCP, TCP_REPAIR] = [6, 19];
  const fd = add(sockets.socket(sockets.AF_INET, STREAM));
  sockets.setOption(fd, IPPROTO_TCP, TCP_REPAIR, 1);
  sockets.bind(fd, inetAddress({ address: V4, port: 0 }));
  sockets.connect(fd, inetAddress({ address: '127.0.0.9', port: 9 }));
  const { state, reason, name } = await otherEnd(fd);
  assert.deepEqual([state, name], ['unknown', 'tcp 127.0.0.9:9']);
  assert.match(reason ?? '', /^its address is one of this machine, where no socket is the mirror/);
});

test('of what was reset or refused nothing is left but the address that it was bound to', async () => {
  const server = listen(V4);
  const boundClient = (): number => {
    const fd = add(sockets.socket(sockets.AF_INET, STREAM));
    sockets.bind(fd, inetAddress({ address: V4, port: 0 }));
    return fd;
  };
  const reset = boundClient();
  sockets.connect(reset, server.address);
  const here = add(sockets.accept(server.fd));
  sockets.resetOnClose(here);
  scene.close(here);
  const refused = boundClient();
  scene.close(server.fd);
  assert.throws(() => sockets.connect(refused, server.address), { code: 'ECONNREFUSED' });
  for (const fd of [reset, refused]) {
    const { otherEnd, queues } = await findHolders(mine(fd), { pids: [me] });
    assert.equal(otherEnd?.state, 'unconnected');
    const unsent = queues !== null && 'unsent' in queues ? queues.unsent : 0; // not every kernel lists it
    assert.equal(unsent, 0);
  }
});

test('a client that talks IPv4 to a socket for both is its other end', { skip: !hasV6 && 'has no IPv6' }, async () => {
  const server = listen('::');
  const there = client(inetAddress({ address: V4, port: server.port }));
  assert.deepEqual(factsOf(await otherEnd(there)), one('not-accepted', server.fd, 'listening'));
  assert.deepEqual(factsOf(await otherEnd(server.fd)), one('listening', there, 'not-accepted'));
  const here = add(sockets.accept(server.fd));
  assert.deepEqual(factsOf(await otherEnd(there)), one('connected', here));
  assert.deepEqual(factsOf(await otherEnd(here)), one('connected', there));
});

test('a client of a port that several listen on waits for one of them, and no others are named', async () => {
  const SOL_SOCKET = 1;
  const SO_REUSEPORT = 15;
  const open = (port: number): number => {
    const fd = add(sockets.socket(sockets.AF_INET, STREAM));
    sockets.setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    sockets.bind(fd, inetAddress({ address: V4, port }));
    sockets.listen(fd, 8);
    return fd;
  };
  const first = open(0);
  const port = sockets.portOf(first);
  const all = [first, open(port), open(port)];
  listen(V4); // on another port
  const there = client(inetAddress({ address: V4, port }));
  const { state, holders } = await otherEnd(there);
  assert.equal(state, 'not-accepted');
  assert.ok(holders.length > 0 && holders.every(({ fd }) => all.includes(fd)));
  const ready = holders.map(({ fd }) => fd);
  // The one that counts a client is the one that has it.
  assert.equal(ready.length, 1);
});

test('who is bound to the very address has its clients, not who listens on all of them', async () => {
  const SOL_SOCKET = 1;
  const SO_REUSEPORT = 15;
  const open = (address: string, port: number): number => {
    const fd = add(sockets.socket(sockets.AF_INET, STREAM));
    sockets.setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    sockets.bind(fd, inetAddress({ address, port }));
    sockets.listen(fd, 8);
    return fd;
  };
  const exact = open(V4, 0);
  const port = sockets.portOf(exact);
  const all = open('0.0.0.0', port);
  const [there, other] = [V4, '127.0.0.2'].map((address) => client(inetAddress({ address, port }))) as [number, number];
  assert.deepEqual(factsOf(await otherEnd(there)), one('not-accepted', exact, 'listening'));
  assert.deepEqual(factsOf(await otherEnd(other)), one('not-accepted', all, 'listening'));
  assert.deepEqual(factsOf(await otherEnd(exact)), one('listening', there, 'not-accepted'));
  assert.deepEqual(factsOf(await otherEnd(all)), one('listening', other, 'not-accepted'));
});

test('a socket that is connected with nothing is unconnected', async () => {
  assert.deepEqual(factsOf(await otherEnd(add(sockets.socket(sockets.AF_INET, STREAM)))), none('unconnected'));
  assert.deepEqual(factsOf(await otherEnd(add(sockets.socket(sockets.AF_INET, DGRAM)))), none('unconnected'));
  assert.deepEqual(factsOf(await otherEnd(bound(V4).fd)), none('unconnected'));
});

test('a TCP socket that is connected with itself is its own other end', async () => {
  const { port } = listen(V4);
  scene.closeAll();
  const address = inetAddress({ address: V4, port });
  const fd = add(sockets.socket(sockets.AF_INET, STREAM));
  sockets.bind(fd, address);
  sockets.connect(fd, address);
  assert.deepEqual(factsOf(await otherEnd(fd)), one('connected', fd));
});

describe('UDP', () => {
  test('two that are connected with one another', async () => {
    const [a, b] = [bound(V4), bound(V4)];
    sockets.connect(a.fd, inetAddress({ address: V4, port: b.port }));
    sockets.connect(b.fd, inetAddress({ address: V4, port: a.port }));
    assert.deepEqual(factsOf(await otherEnd(a.fd)), one('connected', b.fd));
    assert.deepEqual(factsOf(await otherEnd(b.fd)), one('connected', a.fd));
  });

  test('one that is only bound has who is connected with it, and they have it', async () => {
    for (const address of [V4, '0.0.0.0']) {
      const receiver = bound(address);
      const senders = [1, 2].map(() => client(inetAddress({ address: V4, port: receiver.port }), DGRAM));
      const { state, holders, ends } = await otherEnd(receiver.fd);
      assert.deepEqual([state, refs(holders), ends.length], ['connected', refs(senders.map(mine)), 2]);
      const back = await otherEnd(senders[0] as number);
      assert.deepEqual(factsOf(back), one('connected', receiver.fd, 'unconnected'));
      assert.equal(back.name, `udp ${address}:${receiver.port}`);
      scene.close(receiver.fd);
      assert.deepEqual(factsOf(await otherEnd(senders[0] as number)), none('closed'));
    }
  });

  test('of two that are bound to a port who sends has the one that gets it, and only that has who sends', async () => {
    const [SOL_SOCKET, SO_REUSEADDR] = [1, 2];
    const bindTo = (address: string, port: number): number => {
      const fd = add(sockets.socket(sockets.AF_INET, DGRAM));
      sockets.setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
      sockets.bind(fd, inetAddress({ address, port }));
      return fd;
    };
    const any = bindTo('0.0.0.0', 0);
    const port = sockets.portOf(any);
    const here = bindTo(V4, port);
    const sender = client(inetAddress({ address: V4, port }), DGRAM);
    assert.deepEqual(factsOf(await otherEnd(sender)), one('connected', here, 'unconnected'));
    assert.deepEqual(factsOf(await otherEnd(here)), one('connected', sender));
    assert.deepEqual(factsOf(await otherEnd(any)), none('unconnected'));
    // Who is connected back gets what is sent, and nobody else.
    const back = bindTo(V4, port);
    sockets.connect(back, inetAddress({ address: V4, port: sockets.portOf(sender) }));
    assert.deepEqual(factsOf(await otherEnd(sender)), one('connected', back));
    assert.deepEqual(factsOf(await otherEnd(here)), none('unconnected'));
  });

  test('who sends to another machine has nobody here as its other end, whoever is bound to that port', async () => {
    const receiver = bound('0.0.0.0');
    // 192.0.2.0/24 is for documentation; to connect sends nothing.
    const sender = add(sockets.socket(sockets.AF_INET, DGRAM));
    try {
      sockets.connect(sender, inetAddress({ address: '198.51.100.7', port: receiver.port }));
    } catch {
      return; // without a route
    }
    const found = await otherEnd(sender);
    assert.deepEqual([factsOf(found), found.name], [none('remote'), `udp 198.51.100.7:${receiver.port}`]);
    assert.deepEqual(factsOf(await otherEnd(receiver.fd)), none('unconnected'));
  });
});

test('MPTCP, whose connections are of TCP, before it is accepted and after', async (t) => {
  const open = (): number => add(sockets.socket(sockets.AF_INET, STREAM, MPTCP));
  let server: number;
  try {
    server = open();
  } catch (error) {
    return t.skip(`no MPTCP: ${(error as Error).message}`);
  }
  sockets.bind(server, inetAddress({ address: V4, port: 0 }));
  sockets.listen(server, 1);
  assert.deepEqual(factsOf(await otherEnd(server)), none('listening'));
  const there = open();
  sockets.connect(there, inetAddress({ address: V4, port: sockets.portOf(server) }));
  assert.deepEqual(factsOf(await otherEnd(there)), one('not-accepted', server, 'listening'));
  assert.deepEqual(factsOf(await otherEnd(server)), one('listening', there, 'not-accepted'));
  const here = add(sockets.accept(server));
  assert.deepEqual(factsOf(await otherEnd(there)), one('connected', here));
  assert.deepEqual(factsOf(await otherEnd(here)), one('connected', there));
});

test('what the kernel cannot be asked about is unknown, and what is connected with the kernel has none', async (t) => {
  const report = await findHolders(mine(add(sockets.socket(sockets.AF_NETLINK, STREAM + 2))), { pids: [me] });
  assert.equal(report.otherEnd, null);
  for (const [family, type, protocol] of [
    [40, STREAM, 0],
    [sockets.AF_INET, STREAM, SEQPACKET_SCTP],
  ] as const) {
    let fd: number;
    try {
      fd = add(sockets.socket(family, type, protocol));
    } catch (error) {
      t.diagnostic(`no socket of family ${family}, protocol ${protocol}: ${(error as NodeJS.ErrnoException).code}`);
      continue;
    }
    const { otherEnd } = await findHolders(mine(fd), { pids: [me] });
    assert.equal(otherEnd?.state, 'unknown');
    assert.match(otherEnd?.reason ?? '', /^the kernel cannot be asked about the other end of a socket of /);
  }
});

describe('without netlink', () => {
  let asker: Child;
  before(async () => {
    asker = await startChild();
    await asker.run(({ seccomp }) => seccomp.refuse('socket', 'EPERM'));
  });
  after(() => asker.stop());

  test('the lists of /proc tell the same of TCP and UDP', async () => {
    const server = listen(V4);
    const there = client(server.address);
    const here = add(sockets.accept(server.fd));
    const waiting = client(server.address);
    const receiver = bound(V4);
    const sender = client(inetAddress({ address: V4, port: receiver.port }), DGRAM);
    const fds = [there, here, waiting, server.fd, receiver.fd, sender];
    const found = await asker.run(
      async ({ door }, pid: number, fds: number[]) => {
        const ends = [];
        for (const fd of fds) {
          const { otherEnd } = await door.findHolders({ pid, fd }, { pids: [pid] });
          ends.push([otherEnd?.state, otherEnd?.holders.map((holder) => holder.fd)]);
        }
        return ends;
      },
      me,
      fds,
    );
    assert.deepEqual(found, [
      ['connected', [here]],
      ['connected', [there]],
      ['not-accepted', [server.fd]],
      ['listening', [waiting]],
      ['connected', [sender]],
      ['connected', [receiver.fd]],
    ]);
  });
});

describe('between network namespaces', { skip: needsRoot || noAnswers }, () => {
  let near: Child;
  let far: Child;
  const [NEAR, FAR] = ['10.213.7.1', '10.213.7.2'];
  before(async () => {
    [near, far] = await Promise.all([
      startChild({ wrapper: ['unshare', '--net'] }),
      startChild({ wrapper: ['unshare', '--net'] }),
    ]);
    const ip = (child: Child, ...words: string[]): void => {
      const { status, stderr } = spawnSync('nsenter', ['-t', `${child.pid}`, '-n', 'ip', ...words], {
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
    };
    ip(near, 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1', 'netns', `${far.pid}`);
    for (const [child, name, address] of [
      [near, 'v0', NEAR],
      [far, 'v1', FAR],
    ] as const) {
      ip(child, 'addr', 'add', `${address}/24`, 'dev', name);
      ip(child, 'link', 'set', name, 'up');
      ip(child, 'link', 'set', 'lo', 'up');
    }
  });
  after(async () => {
    await near.stop();
    await far.stop();
  });
  const ask = async (child: Child, fd: number, pids: Child[] = [near, far]): Promise<OtherEnd> => {
    const { otherEnd } = await findHolders({ pid: child.pid, fd }, { pids: pids.map(({ pid }) => pid) });
    assert.ok(otherEnd);
    return otherEnd;
  };
  const serve = (child: Child, address: string): Promise<[fd: number, port: number]> =>
    child.run(({ sockets }, address: string) => {
      const fd = sockets.listener(sockets.STREAM, sockets.inetAddress({ address, port: 0 }));
      return [fd, sockets.portOf(fd)];
    }, address);
  const receive = (child: Child, address: string): Promise<number> =>
    child.run(({ sockets }, address: string) => {
      const fd = sockets.socket(sockets.AF_INET, sockets.DGRAM);
      sockets.bind(fd, sockets.inetAddress({ address, port: 0 }));
      return sockets.portOf(fd);
    }, address);
  const connect = (child: Child, address: string, port: number): Promise<number> =>
    child.run(
      ({ sockets }, address: string, port: number) =>
        sockets.client(sockets.STREAM, sockets.inetAddress({ address, port })),
      address,
      port,
    );
  const accept = (child: Child, fd: number): Promise<number> =>
    child.run(({ sockets }, fd: number) => sockets.accept(fd), fd);

  test('what a datagram socket sends to an address of the other one may get there', async () => {
    const port = await receive(far, FAR);
    const sender = await near.run(
      ({ sockets }, address: string, port: number) =>
        sockets.client(sockets.DGRAM, sockets.inetAddress({ address, port })),
      FAR,
      port,
    );
    const { state, reason } = await ask(near, sender);
    assert.equal(state, 'unknown');
    assert.match(reason ?? '', /an?other network namespace/);
  });

  test('of two networks with equal addresses nothing tells which of two a socket is connected with', async () => {
    await using twin = await startChild({ wrapper: ['unshare', '--net'] });
    for (const words of [
      ['addr', 'add', `${NEAR}/24`, 'dev', 'lo'],
      ['link', 'set', 'lo', 'up'],
    ])
      assert.equal(spawnSync('nsenter', ['-t', `${twin.pid}`, '-n', 'ip', ...words]).status, 0);
    const meet = (child: Child, ...at: Endpoint[]): Promise<number> =>
      child.run(
        ({ sockets }, ...at: Endpoint[]) => {
          const fd = sockets.socket(sockets.AF_INET, sockets.DGRAM);
          const [from = Buffer.alloc(0), to = Buffer.alloc(0)] = at.map((one) => sockets.inetAddress(one));
          sockets.bind(fd, from);
          sockets.connect(fd, to);
          return fd;
        },
        ...at,
      );
    const [here, there] = [
      { address: NEAR, port: 9001 },
      { address: FAR, port: 9002 },
    ];
    const away = await meet(far, there, here);
    const alike = await meet(twin, here, there);
    const all = [near, far, twin];
    assert.deepEqual(refs((await ask(far, away, all)).holders), [{ pid: twin.pid, fd: alike }], 'it alone');
    const own = await meet(near, here, there);
    for (const [child, fd] of [
      [near, own],
      [twin, alike],
      [far, away],
    ] as const) {
      const { state, reason, holders } = await ask(child, fd, all);
      assert.deepEqual([state, holders], ['unknown', []]);
      assert.equal(reason, 'sockets of several network namespaces have the mirrored addresses');
    }
  });

  test('sockets of a namespace that has no process are in use, whatever no list tells', async () => {
    await using child = await startChild();
    const fds = await child.run(({ fs, libc, sockets }) => {
      const CLONE_NEWNET = 0x40000000;
      const before = fs.openSync('/proc/thread-self/ns/net', 'r');
      libc.libc('int unshare(int)')(CLONE_NEWNET);
      const listener = sockets.socket(sockets.AF_INET, sockets.STREAM);
      sockets.listen(listener, 1);
      const unused = sockets.socket(sockets.AF_INET, sockets.STREAM);
      libc.libc('int setns(int, int)')(before, CLONE_NEWNET); // which stays open
      return [listener, unused] as const;
    });
    const [listener, unused] = await child.run(
      ({ door }, ...fds: number[]) =>
        Promise.all(
          fds.map(async (fd) => (await door.findHolders({ pid: process.pid, fd }, { pids: [process.pid] })).otherEnd),
        ),
      ...fds,
    );
    assert.deepEqual([listener?.state, unused?.state], ['unknown', 'unconnected']);
    assert.equal(listener?.reason, 'no network namespace that could be seen has it');
    // Nothing is taken from another process to be asked.
    for (const fd of fds) {
      const { state, reason } = await ask(child, fd, [child]);
      assert.equal(state, 'unknown');
      assert.equal(reason, 'it is not connected, or of a network namespace that could not be seen');
    }
  });

  test('a connection is followed into the other one, before it is accepted and after', async () => {
    const [server, port] = await serve(far, FAR);
    const there = await until('the link is up', () => connect(near, FAR, port).catch(() => undefined));
    const waiting = await ask(near, there);
    assert.deepEqual([waiting.state, refs(waiting.holders)], ['not-accepted', [{ pid: far.pid, fd: server }]]);
    const asked = await ask(far, server);
    assert.deepEqual([asked.state, refs(asked.holders)], ['listening', [{ pid: near.pid, fd: there }]]);
    const here = await accept(far, server);
    const [to, back] = [await ask(near, there), await ask(far, here)];
    assert.deepEqual([to.state, refs(to.holders)], ['connected', [{ pid: far.pid, fd: here }]]);
    assert.deepEqual([back.state, refs(back.holders)], ['connected', [{ pid: near.pid, fd: there }]]);
    // Where who holds it is not among those that are looked at, it is known all the same what it is.
    const alone = await ask(near, there, [near]);
    assert.deepEqual([alone.state, alone.holders, alone.name], ['unknown', [], to.name]);
    assert.equal(alone.ends[0]?.state, 'connected');
  });

  test('the same loopback addresses in two namespaces are not one connection', async () => {
    const ends = [];
    let port = 0;
    for (const child of [near, far]) {
      const [server, at] = await child.run(({ sockets }, port: number) => {
        const fd = sockets.listener(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port }));
        return [fd, sockets.portOf(fd)] as const;
      }, port);
      port = at;
      const there = await child.run(({ sockets }, port: number) => {
        const fd = sockets.socket(sockets.AF_INET, sockets.STREAM);
        sockets.bind(fd, sockets.inetAddress({ address: '127.0.0.1', port: port === 7777 ? 7778 : 7777 }));
        sockets.connect(fd, sockets.inetAddress({ address: '127.0.0.1', port }));
        return fd;
      }, port);
      const here = await accept(child, server);
      ends.push({ child, there, here });
    }
    for (const { child, there, here } of ends)
      assert.deepEqual(refs((await ask(child, there)).holders), [{ pid: child.pid, fd: here }]);
  });
});
