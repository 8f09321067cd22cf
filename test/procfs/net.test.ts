/** /proc/PID/net: what its files say of sockets, beside what netlink says of the same; and any text at all. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { dumpInet } from '../../src/netlink/inet.ts';
import { dumpUnix } from '../../src/netlink/unix.ts';
import { parseInet, parseUnixListing, readInet, readUnixListing } from '../../src/procfs/net.ts';
import { INET_TABLES, type InetSocket, type InetTable } from '../../src/util/socket.ts';
import { ask, noAnswers } from '../support/diag.ts';
import * as libc from '../support/libc.ts';
import { Random, SEED } from '../support/random.ts';
import { until } from '../support/until.ts';
import * as sockets from '../support/sockets.ts';
import { makeTree } from './tree.ts';

const { AF_INET, AF_INET6, AF_UNIX, STREAM, DGRAM, SEQPACKET, inetAddress, unixAddress, inoOf, portOf } = sockets;
const [TCP4, TCP6] = INET_TABLES as [InetTable, InetTable];

const open: number[] = [];
const keep = (fd: number): number => (open.push(fd), fd);
const closed = { address: '127.0.0.1', port: 0 };
before(() => {
  for (const [family, address] of [
    [AF_INET, '127.0.0.1'],
    [AF_INET6, '::1'],
    [AF_INET6, '::'],
  ] as const) {
    try {
      const server = keep(sockets.listener(STREAM, inetAddress({ address, port: 0 })));
      const to = { address: address === '::' ? '127.0.0.1' : address, port: portOf(server) };
      keep(sockets.client(STREAM, inetAddress(to)));
      keep(sockets.accept(server));
      const receiver = keep(sockets.socket(family, DGRAM));
      sockets.bind(receiver, inetAddress({ address, port: 0 }));
      keep(sockets.client(DGRAM, inetAddress({ ...to, port: portOf(receiver) })));
    } catch (error) {
      // Without IPv6 there is less to compare.
      if (family === AF_INET) throw error;
    }
  }
  const server = keep(sockets.listener(STREAM, inetAddress(closed)));
  closed.port = portOf(server);
  const client = sockets.client(STREAM, inetAddress(closed));
  const accepted = sockets.accept(server);
  libc.close(accepted);
  libc.close(client);
  for (const [type, name] of [
    [STREAM, `@kcmp net ${process.pid}`],
    [SEQPACKET, `@kcmp\n\u00fc net ${process.pid}`],
  ] as const) {
    keep(sockets.listener(type, unixAddress(name)));
    keep(sockets.client(type, unixAddress(name)));
  }
  for (const type of [STREAM, DGRAM]) sockets.pair(type).map(keep);
  keep(sockets.socket(AF_UNIX, DGRAM));
});
after(() => open.forEach(libc.close));

const mine = (sockets: Iterable<{ ino: number }>): number[] =>
  [...sockets].map(({ ino }) => ino).filter((ino) => open.some((fd) => inoOf(fd) === ino));

for (const table of INET_TABLES) {
  test(`${table.protocol}${table.family === 6 ? '6' : ''} says what netlink says, but for what it does not know`, {
    skip: noAnswers,
  }, () => {
    const listed = readInet(process.pid, table);
    assert.ok(typeof listed !== 'string');
    const byNetlink = ask((diag) => dumpInet(diag, table));
    const compared = mine(listed);
    // What is bound and nothing else is not in the file.
    assert.deepEqual(compared.toSorted(), mine(byNetlink).sort());
    for (const ino of compared) {
      const find = (all: InetSocket[]): InetSocket | undefined => all.find((socket) => socket.ino === ino);
      const told = find(byNetlink);
      assert.deepEqual(find(listed), {
        ...told,
        ifindex: undefined,
        shutdown: undefined,
        v6only: undefined,
        wqueue: told?.state === 'LISTEN' ? undefined : told?.wqueue,
      });
    }
  });
}

test('a connection that is over has no inode and no user', async () => {
  const old = (): InetSocket[] => {
    const listed = readInet('thread-self', TCP4);
    assert.ok(typeof listed !== 'string');
    return listed.filter(
      ({ state, local, remote }) => state === 'TIME_WAIT' && [local.port, remote.port].includes(closed.port),
    );
  };
  await until('the connection is over', () => old().length > 0);
  assert.deepEqual([old()[0]?.ino, old()[0]?.uid], [0, undefined]);
});

test('unix says what netlink says, but nothing of other ends', { skip: noAnswers }, () => {
  const listed = readUnixListing(process.pid);
  assert.ok(typeof listed !== 'string');
  const byNetlink = ask(dumpUnix);
  const compared = mine(listed);
  assert.deepEqual(compared.toSorted(), mine(byNetlink.values()).sort());
  assert.equal(compared.length, 9);
  for (const socket of listed.filter(({ ino }) => compared.includes(ino))) {
    const { ino, type, state, name } = byNetlink.get(socket.ino) ?? {};
    assert.deepEqual(socket, { ino, type, state, name });
  }
});

test('a task that is gone is told by its code, and so is a folder without such a file', (t) => {
  assert.equal(readInet(2 ** 30, TCP4), 'ENOENT');
  assert.equal(readUnixListing(2 ** 30), 'ENOENT');
  const root = makeTree({ '1/net/tcp': 'sl local_address\n', '1/net': null }, (remove) => t.after(remove));
  assert.deepEqual(readInet(1, TCP4, root), []);
  assert.equal(readInet(1, TCP6, root), 'ENOENT');
});

describe('names that look like lines', () => {
  const HEAD = 'Num       RefCount Protocol Flags    Type St Inode Path\n';
  const line = (ino: number, name: string): string =>
    `0000000000000000: 00000002 00000000 00010000 0001 01 ${String(ino).padStart(5)} ${name}\n`;

  test('a name goes on over line ends', () => {
    const text = `${HEAD}${line(11, '/a\nb\n\nc ')}${line(12, '@')}${line(13, '').trimEnd()}\n`;
    assert.deepEqual(
      parseUnixListing(text).map(({ ino, name }) => [ino, name]),
      [
        [11, '/a\nb\n\nc '],
        [12, '@'],
        [13, undefined],
      ],
    );
  });

  test('of two lines with one inode neither is believed', () => {
    const forged = line(11, `/x\n${line(12, '/forged')}`);
    assert.deepEqual(
      parseUnixListing(`${HEAD}${forged}${line(12, '/true')}`).map(({ ino }) => ino),
      [11],
    );
  });

  test('a socket can be named so', () => {
    const victim = inoOf(open.at(-1) as number);
    const fd = keep(sockets.socket(AF_UNIX, STREAM));
    sockets.bind(fd, unixAddress(`@\n${line(victim, '@forged').trimEnd()}`));
    const listed = readUnixListing(process.pid);
    assert.ok(typeof listed !== 'string');
    assert.ok(!listed.some(({ ino, name }) => ino === victim || name === '@forged'));
    assert.ok(listed.some(({ ino }) => ino === inoOf(fd)));
  });
});

test('no text at all makes a parser throw, or tell what is no number', () => {
  const random = new Random(SEED);
  const texts = [
    `  sl  local_address
   0: 0100007F:0FA0 00000000:0000 0A 00000000:00000001 00:00000000 00000000  1000        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:0FA0 0100007F:CCBE 06 00000000:00000000 03:000017A0 00000000     0        0 0 3 0000000000000000\n`,
    `  sl
   0: 00000000000000000000000001000000:0FA1 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1 0\n`,
    `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01    11 /run/x
0000000000000000: 00000003 00000000 00000000 0005 03 65536\n`,
  ];
  for (let round = 0; round < 5000; round++) {
    let text = random.pick(texts);
    for (let changes = random.below(5); changes > 0; changes--) {
      const at = random.below(text.length + 1);
      const piece = random.pick(['', '\n', ' ', '0', 'F', ':', '\0', 'ü', text.slice(at, at + random.below(40))]);
      text = text.slice(0, at) + piece + text.slice(at + random.below(6));
    }
    for (const table of INET_TABLES) {
      for (const { ino, rqueue, wqueue, uid, local, remote } of parseInet(text, table)) {
        for (const number of [ino, rqueue, wqueue, uid, local.port, remote.port])
          assert.ok(number === undefined || (Number.isInteger(number) && number >= 0), `seed ${SEED}: ${text}`);
        assert.match(`${local.address} ${remote.address}`, /^[\da-f:.]+ [\da-f:.]+$/, `seed ${SEED}: ${text}`);
      }
    }
    for (const { ino, name } of parseUnixListing(text)) {
      assert.ok(Number.isInteger(ino) && ino > 0, `seed ${SEED}: ${text}`);
      assert.ok(name === undefined || typeof name === 'string');
    }
  }
});
