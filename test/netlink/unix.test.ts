/** Unix sockets of every kind and in every state, as netlink lists them. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { openSockDiag } from '../../src/netlink/namespaces.ts';
import { dumpUnix, findSenders, getUnix, lookUpUnix } from '../../src/netlink/unix.ts';
import { RCV_SHUTDOWN, SEND_SHUTDOWN, type UnixSocket } from '../../src/util/socket.ts';
import { startChild } from '../support/child.ts';
import { answered, ask } from '../support/diag.ts';
import * as libc from '../support/libc.ts';
import * as sockets from '../support/sockets.ts';
import { needsRoot } from '../support/user.ts';

const { STREAM, DGRAM, SEQPACKET, inoOf } = sockets;

const folder = mkdtempSync(join(tmpdir(), 'kcmp-unix-'));
after(() => rmSync(folder, { recursive: true }));
let names = 0;
const abstractName = (): string => `@kcmp test ${process.pid} ${names++}`;

const open: number[] = [];
afterEach(() => open.splice(0).forEach(libc.close));
const keep = (fd: number): number => (open.push(fd), fd);
const close = (fd: number): void => (open.splice(open.indexOf(fd), 1), libc.close(fd), undefined);
const pair = (type: number): [number, number] => sockets.pair(type).map(keep) as [number, number];
const listener = (name: string, type: number = STREAM): number =>
  keep(sockets.listener(type, sockets.unixAddress(name)));
const client = (name: string, type: number = STREAM): number => keep(sockets.client(type, sockets.unixAddress(name)));
const accept = (fd: number): number => keep(sockets.accept(fd));

/** What each way to ask says of a descriptor's socket, when they agree. */
function look(fd: number): UnixSocket {
  const ino = inoOf(fd);
  const [listed, got, found] = ask(function* (diag) {
    const listed = answered(yield* dumpUnix(diag)).get(ino);
    const got = answered(yield* getUnix(diag, ino));
    return [listed, got, (yield* lookUpUnix(diag, [ino])).found.get(ino)];
  });
  assert.ok(got !== undefined);
  assert.deepEqual(got, listed);
  assert.deepEqual(got, found);
  assert.equal(got.ino, ino);
  return got;
}

const uid = process.getuid?.();

/** Of a datagram socket that is connected, or was connected with: the kernel says so since Linux 5.15. */
const DATAGRAM = /^(?:[1-4]\.|5\.(?:\d|1[0-4])\.)/.test(release()) ? 'CLOSE' : 'ESTABLISHED';

for (const [type, number] of [
  ['stream', STREAM],
  ['dgram', DGRAM],
  ['seqpacket', SEQPACKET],
] as const) {
  test(`both ends of a ${type} pair name each other`, () => {
    const [a, b] = pair(number);
    const state = type === 'dgram' ? DATAGRAM : 'ESTABLISHED';
    const plain = { type, state, name: undefined, vfs: undefined, icons: [], shutdown: 0, uid };
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const socket = look(one);
      assert.deepEqual(socket, { ...plain, ino: inoOf(one), peer: inoOf(other), rqueue: 0, wqueue: socket.wqueue });
    }
  });

  test(`the other end of a ${type} pair that was closed is 0`, () => {
    const [a, b] = pair(number);
    close(b);
    const { peer, shutdown } = look(a);
    // A datagram socket is told nothing of a close until it sends.
    assert.deepEqual([peer, shutdown], type === 'dgram' ? [0, 0] : [0, RCV_SHUTDOWN | SEND_SHUTDOWN]);
  });
}

/** More clients than the kernel can list for one listener. */
const MANY = 8300;
/** Why so many cannot be had, or false. */
const tooFew =
  Number(/^Max open files +\d+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity) <
    MANY + 200 && 'too few descriptors are allowed';

describe('listeners and their clients', () => {
  for (const [type, number] of [
    ['stream', STREAM],
    ['seqpacket', SEQPACKET],
  ] as const) {
    test(`a ${type} client that is not accepted yet has the end 0, and stands in its listener's list`, () => {
      const name = abstractName();
      const server = listener(name, number);
      assert.deepEqual([look(server).peer, look(server).icons, look(server).rqueue], [undefined, [], 0]);
      const clients = [client(name, number), client(name, number), client(name, number)];
      const { state, icons, rqueue, wqueue } = look(server);
      assert.deepEqual([state, icons, rqueue, wqueue], ['LISTEN', clients.map(inoOf), 3, 16]);
      for (const fd of clients) assert.deepEqual([look(fd).peer, look(fd).shutdown], [0, 0]);
      const accepted = accept(server);
      assert.deepEqual(look(server).icons, clients.slice(1).map(inoOf));
      assert.deepEqual([look(accepted).peer, look(accepted).name], [inoOf(clients[0] as number), name]);
      const { peer, name: named } = look(clients[0] as number);
      assert.deepEqual([peer, named], [inoOf(accepted), undefined]);
    });
  }

  test('a client that was closed before it was accepted leaves 0 in the list', () => {
    const name = abstractName();
    const server = listener(name);
    close(client(name));
    assert.deepEqual(look(server).icons, [0]);
  });

  test('more clients than one answer has room for are listed all the same', () => {
    const name = abstractName();
    const server = keep(sockets.socket(sockets.AF_UNIX, STREAM));
    sockets.bind(server, sockets.unixAddress(name));
    sockets.listen(server, 4000);
    const waiting = Array.from({ length: 2500 }, () => inoOf(client(name)));
    assert.deepEqual(look(server).icons, waiting);
  });

  test('of more clients than any answer has room for, a listener is told and its list left open', {
    skip: needsRoot || tooFew,
  }, async () => {
    await using child = await startChild({ wrapper: ['unshare', '--net'] });
    const [ino, icons, rqueue, last] = await child.run(
      async ({ fs, sockets }, unix: string, namespaces: string, many: number) => {
        const { dumpUnix } = (await import(unix)) as typeof import('../../src/netlink/unix.ts');
        const { openSockDiag } = (await import(namespaces)) as typeof import('../../src/netlink/namespaces.ts');
        fs.writeFileSync('/proc/sys/net/core/somaxconn', '10000');
        const address = sockets.unixAddress('@full');
        const server = sockets.listener(1, address, 10_000);
        for (let i = 0; i < many; i++) sockets.client(1, address);
        const [last] = sockets.pair(1);
        const diag = openSockDiag();
        if ('refused' in diag) throw new Error(diag.code);
        const listing = dumpUnix(diag);
        let step = listing.next();
        while (step.done !== true) step = listing.next();
        const listed = step.value;
        if ('refused' in listed) throw new Error(listed.code);
        const socket = listed.get(sockets.inoOf(server));
        return [socket?.ino === sockets.inoOf(server), socket?.icons, socket?.rqueue, listed.has(sockets.inoOf(last))];
      },
      new URL('../../src/netlink/unix.ts', import.meta.url).href,
      new URL('../../src/netlink/namespaces.ts', import.meta.url).href,
      MANY,
    );
    assert.deepEqual([ino, icons, rqueue, last], [true, undefined, MANY, true]);
  });
});

test('a long list is read in pieces, between which others may be', { skip: tooFew }, async () => {
  await using child = await startChild();
  const staying = await child.run(({ sockets }, pairs: number) => {
    const fds = Array.from({ length: pairs }, () => sockets.pair(1)).flat();
    return fds.map(sockets.inoOf);
  }, MANY / 2);
  const diags = [answered(openSockDiag()), answered(openSockDiag())];
  const running = new Set(diags.map((diag) => ({ list: dumpUnix(diag), pauses: 0 })));
  for (const one of running) {
    running.delete(one);
    const step = one.list.next();
    if (step.done === true) {
      const listed = answered(step.value);
      assert.ok(staying.filter((ino) => !listed.has(ino)).length < staying.length / 100);
      assert.ok(one.pauses > 1, `${one.pauses} pauses`);
    } else {
      one.pauses++;
      running.add(one); // behind the others
    }
  }
  for (const diag of diags) diag.close();
});

describe('ends that were shut', () => {
  test('in one direction', () => {
    const [a, b] = pair(STREAM);
    sockets.shutdown(a, sockets.SHUT_WR);
    assert.deepEqual([look(a).shutdown, look(b).shutdown], [SEND_SHUTDOWN, RCV_SHUTDOWN]);
    assert.equal(look(a).peer, inoOf(b));
    sockets.shutdown(a, sockets.SHUT_RD);
    assert.deepEqual([look(a).shutdown, look(b).shutdown], [3, 3]);
  });

  test('with bytes on their way', () => {
    const [a, b] = pair(STREAM);
    libc.write(a, Buffer.from('12345'));
    assert.deepEqual([look(b).rqueue, look(a).rqueue], [5, 0]);
  });
});

describe('datagrams', () => {
  test('a receiver does not know its senders, who know it', () => {
    const name = abstractName();
    const receiver = keep(sockets.socket(sockets.AF_UNIX, DGRAM));
    sockets.bind(receiver, sockets.unixAddress(name));
    const senders = [client(name, DGRAM), client(name, DGRAM)];
    // Most kernels call it connected as soon as anybody is with it.
    assert.deepEqual([look(receiver).peer, look(receiver).state, look(receiver).name], [undefined, DATAGRAM, name]);
    for (const sender of senders) assert.equal(look(sender).peer, inoOf(receiver));
    const found = ask((diag) => findSenders(diag, new Set([inoOf(receiver)])));
    assert.deepEqual(found, new Map(senders.map((fd) => [inoOf(fd), look(fd)])));
    close(receiver);
    for (const sender of senders) assert.deepEqual([look(sender).peer, look(sender).shutdown], [0, 0]);
  });

  test('one that is bound to nothing has neither name nor other end', () => {
    const fd = keep(sockets.socket(sockets.AF_UNIX, DGRAM));
    const { peer, name, state } = look(fd);
    assert.deepEqual([peer, name, state], [undefined, undefined, 'CLOSE']);
  });
});

describe('names', () => {
  test('an abstract name may hold anything, NUL and line ends as well', () => {
    for (const name of ['@', '@a\0b\0', '@\0', '@ü\n@x', `${abstractName()}\0\0`]) {
      const fd = keep(sockets.socket(sockets.AF_UNIX, STREAM));
      sockets.bind(fd, sockets.unixAddress(name));
      assert.deepEqual([look(fd).name, look(fd).vfs], [name, undefined]);
    }
  });

  test('a path comes with the device and the inode of its file, also when that is unlinked', () => {
    const path = join(folder, 'ü sock\n1');
    const server = listener(path);
    const { ino, dev } = statSync(path, { bigint: true });
    const inKernel = (Number((dev >> 8n) & 0xfffn) << 20) | Number((dev & 0xffn) | ((dev >> 12n) & 0xfff00n));
    const expected = { ino: Number(ino & 0xffffffffn), dev: inKernel };
    assert.deepEqual([look(server).name, look(server).vfs], [path, expected]);
    unlinkSync(path);
    assert.deepEqual([look(server).name, look(server).vfs], [path, expected]);
  });

  test('a relative path reads as it was bound', () => {
    const before = process.cwd();
    mkdirSync(join(folder, 'there'));
    process.chdir(join(folder, 'there'));
    try {
      const server = listener('./rel');
      assert.deepEqual([look(server).name, look(server).vfs?.ino], ['./rel', statSync('rel').ino % 2 ** 32]);
    } finally {
      process.chdir(before);
    }
  });

  test('a path of all the 108 bytes, which has no NUL at its end', () => {
    const path = `${folder}/${'x'.repeat(108 - folder.length - 1)}`;
    const fd = keep(sockets.socket(sockets.AF_UNIX, STREAM));
    sockets.bind(fd, sockets.unixAddress(path).subarray(0, 110));
    assert.equal(look(fd).name, path);
  });

  test('a path that begins with @ is told from an abstract name by its file', () => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      const fd = keep(sockets.socket(sockets.AF_UNIX, STREAM));
      sockets.bind(fd, Buffer.concat([Buffer.from([1, 0]), Buffer.from('@name\0')]));
      assert.equal(look(fd).name, '@name');
      assert.ok(look(fd).vfs !== undefined);
    } finally {
      process.chdir(before);
    }
  });
});

describe('lookUpUnix', () => {
  for (const count of [1, 20, 21, 200]) {
    test(`finds ${count} and nothing else`, () => {
      const fds = Array.from({ length: Math.ceil(count / 2) }, () => pair(STREAM))
        .flat()
        .slice(0, count);
      const inos = fds.map(inoOf);
      const gone = inoOf(keep(sockets.socket(sockets.AF_INET, STREAM)));
      const answer = ask((diag) => lookUpUnix(diag, [...inos, ...inos, gone, 0, -1, NaN, 2 ** 32 + 1]));
      assert.equal(answer.refusal, undefined);
      assert.deepEqual(
        [...answer.found.keys()].sort((a, b) => a - b),
        inos.toSorted((a, b) => a - b),
      );
      for (const [ino, socket] of answer.found) assert.equal(socket.ino, ino);
    });
  }

  test('knows that a socket is none of AF_UNIX, or gone', () => {
    const fd = sockets.socket(sockets.AF_UNIX, STREAM);
    const ino = inoOf(fd);
    assert.ok(ask((diag) => getUnix(diag, ino)) !== undefined);
    libc.close(fd);
    assert.equal(
      ask((diag) => getUnix(diag, ino)),
      undefined,
    );
    const inet = keep(sockets.socket(sockets.AF_INET, STREAM));
    assert.equal(
      ask((diag) => getUnix(diag, inoOf(inet))),
      undefined,
    );
  });

  test('misses none of the sockets that stay while others come and go, as a list does', async () => {
    await using child = await startChild();
    const staying = Array.from({ length: 1000 }, () => pair(STREAM))
      .flat()
      .map(inoOf);
    await child.run(({ sockets, libc }) => {
      // In turns, so that it can be told to end.
      const churn = (): void => {
        const fds = Array.from({ length: 200 }, () => sockets.pair(1)).flat();
        for (const fd of fds) libc.close(fd);
        setImmediate(churn);
      };
      setImmediate(churn);
    });
    let missed = 0;
    ask(function* (diag) {
      for (let round = 0; round < 40; round++) {
        const listed = answered(yield* dumpUnix(diag));
        missed += staying.filter((ino) => !listed.has(ino)).length;
        const { found, refusal } = yield* lookUpUnix(diag, staying);
        assert.deepEqual([found.size, refusal], [staying.length, undefined]);
      }
    });
    // Not asserted: on a machine that is quick enough a list is whole by luck.
    if (missed > 0) console.log(`# a list missed ${missed} sockets in 40 rounds`);
  });
});
