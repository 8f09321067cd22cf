/** Messages of netlink: real answers of the kernel, whole, cut off, and changed at random. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { inetParser } from '../../src/netlink/inet-message.ts';
import { attributeEnd, Reply } from '../../src/netlink/messages.ts';
import { inodeIn, parseUnix, peerIn } from '../../src/netlink/unix-message.ts';
import type { InetSocket, UnixSocket } from '../../src/util/socket.ts';
import * as libc from '../support/libc.ts';
import { Random, SEED } from '../support/random.ts';
import * as sockets from '../support/sockets.ts';

const SEQUENCE = 7;
const ROUNDS = 20_000;
const parseTcp = inetParser('tcp');

const read = libc.libc('long read(int, void *, ulong)');

/** What the kernel answers to the body of a request for all of a table, one buffer a read. */
function record(body: Buffer): Buffer[] {
  const NETLINK_SOCK_DIAG = 4;
  const NONBLOCK = 0o4000;
  const fd = sockets.socket(sockets.AF_NETLINK, 3 | NONBLOCK, NETLINK_SOCK_DIAG);
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + body.length, 0);
  header.writeUInt16LE(20, 4);
  header.writeUInt16LE(0x301, 6);
  header.writeUInt32LE(SEQUENCE, 8);
  libc.write(fd, Buffer.concat([header, body]));
  const reads: Buffer[] = [];
  for (;;) {
    const buffer = Buffer.alloc(65536);
    let length: number;
    try {
      length = read(fd, buffer, buffer.length);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
      break;
    }
    reads.push(Buffer.from(buffer.subarray(0, length)));
  }
  libc.close(fd);
  return reads;
}

const scene: number[] = [];
let unix: Buffer[];
let tcp: Buffer[];
before(() => {
  const address = sockets.unixAddress(`@kcmp messages ${process.pid}\0`);
  scene.push(sockets.listener(1, address), sockets.client(1, address), ...sockets.pair(2));
  const at = { address: '127.0.0.1', port: 0 };
  const server = sockets.listener(1, sockets.inetAddress(at));
  scene.push(server, sockets.client(1, sockets.inetAddress({ ...at, port: sockets.portOf(server) })));
  const request = Buffer.alloc(24, 0xff);
  request.writeUInt32LE(sockets.AF_UNIX, 0);
  unix = record(request); // in every state, and all that there is to show
  const inet = Buffer.alloc(56);
  inet.set([sockets.AF_INET, 6, 0xff, 0, 0xff, 0xff, 0xff, 0xff]);
  tcp = record(inet);
});
after(() => scene.forEach(libc.close));

interface Taken {
  reply: Reply;
  unix: UnixSocket[];
  tcp: InetSocket[];
}

/** Takes bytes apart that end where their memory does, so that whoever reads on throws. */
function take(bytes: Uint8Array): Taken {
  const view = new DataView(Uint8Array.from(bytes).buffer);
  const taken: Taken = { reply: new Reply(SEQUENCE), unix: [], tcp: [] };
  let last = 0;
  taken.reply.take(view, view.byteLength, (start, end) => {
    assert.ok(start > last && start <= end && end <= view.byteLength);
    last = start;
    const socket = parseUnix(view, start, end);
    if (socket !== undefined) taken.unix.push(socket);
    assert.equal(inodeIn(view, start, end), socket?.ino ?? 0);
    const peer = peerIn(view, start, end);
    assert.ok(peer === 0 || Number.isInteger(peer));
    const inet = parseTcp(view, start, end);
    if (inet !== undefined) taken.tcp.push(inet);
  });
  return taken;
}

/** One message with this type, flags, sequence and body. */
function message(type: number, flags: number, sequence: number, body: number[] = []): Buffer {
  const bytes = Buffer.alloc((16 + body.length + 3) & ~3);
  bytes.writeUInt32LE(16 + body.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags, 6);
  bytes.writeUInt32LE(sequence, 8);
  bytes.set(body, 16);
  return bytes;
}
const errno = (code: number): number[] => [...Buffer.from(Int32Array.of(code).buffer)];

describe('a reply', () => {
  const DIAG = 20;
  const MULTI = 2;
  const INTERRUPTED = 0x10;
  const said = (...messages: Buffer[]): [boolean, number, boolean, number] => {
    const { reply, unix } = take(Buffer.concat(messages));
    return [reply.done, reply.errno, reply.interrupted, unix.length];
  };
  const body = new Array<number>(16).fill(0);

  test('is not done before the last message of a list has come', () => {
    assert.deepEqual(said(message(DIAG, MULTI, SEQUENCE, body), message(DIAG, MULTI, SEQUENCE, body)), [
      false,
      0,
      false,
      2,
    ]);
    assert.deepEqual(said(message(DIAG, MULTI, SEQUENCE, body), message(3, MULTI, SEQUENCE, errno(0))), [
      true,
      0,
      false,
      1,
    ]);
    assert.deepEqual(said(message(3, MULTI, SEQUENCE)), [true, 0, false, 0]);
  });
  test('of a single message is done with it', () => {
    assert.deepEqual(said(message(DIAG, 0, SEQUENCE, body)), [true, 0, false, 1]);
  });
  test('tells an error, also one with which a list ends', () => {
    assert.deepEqual(said(message(2, 0, SEQUENCE, errno(-22))), [true, -22, false, 0]);
    assert.deepEqual(said(message(3, MULTI, SEQUENCE, errno(-2))), [true, -2, false, 0]);
  });
  test('is interrupted when the kernel says so in any of its messages', () => {
    assert.deepEqual(said(message(DIAG, MULTI | INTERRUPTED, SEQUENCE, body)), [false, 0, true, 1]);
    assert.deepEqual(said(message(3, MULTI | INTERRUPTED, SEQUENCE, errno(0))), [true, 0, true, 0]);
    assert.deepEqual(said(message(4, 0, SEQUENCE)), [false, 0, true, 0]);
  });
  test('leaves out what answers another request, and messages of other types', () => {
    const others = [message(DIAG, MULTI, SEQUENCE + 1, body), message(3, MULTI, 0, errno(-1)), message(1, 0, SEQUENCE)];
    assert.deepEqual(said(...others, message(99, MULTI, SEQUENCE, body)), [false, 0, false, 0]);
  });
  test('stops at a message that is cut off, or shorter than its header', () => {
    const whole = message(DIAG, MULTI, SEQUENCE, body);
    for (const length of [1, 4, 15, 17, whole.length - 1])
      assert.deepEqual(said(whole, whole.subarray(0, length)), [false, 0, true, 1], `${length} bytes`);
    for (const length of [0, 1, 15]) {
      const short = Buffer.from(whole);
      short.writeUInt32LE(length, 0);
      assert.deepEqual(said(whole, short), [false, 0, true, 1]);
    }
  });
});

test('an attribute that is cut off, or shorter than its header, is none', () => {
  const view = new DataView(Uint8Array.of(5, 0, 1, 0, 9, 0, 0, 0, 3, 0).buffer);
  assert.equal(attributeEnd(view, 0, 10), 5);
  assert.equal(attributeEnd(view, 0, 4), 0);
  assert.equal(attributeEnd(view, 0, 3), 0);
  assert.equal(attributeEnd(view, 8, 10), 0);
  assert.equal(attributeEnd(view, 10, 10), 0);
});

test('what the kernel says is all understood', () => {
  const listed = unix.map(take);
  assert.ok(listed.flatMap(({ unix }) => unix).length >= 4);
  assert.ok(tcp.map(take).flatMap(({ tcp }) => tcp).length >= 3);
  for (const { reply } of listed) assert.deepEqual([reply.errno, reply.interrupted], [0, false]);
  assert.equal(listed.at(-1)?.reply.done, true);
});

test('nothing throws, reads too far or goes on for ever, whatever has come', () => {
  const random = new Random(SEED);
  const bases = [...unix, ...tcp].map((read) => read.subarray(0, 2048));
  const isWhole = (value: number | undefined): boolean =>
    value === undefined || (Number.isInteger(value) && value >= 0);
  for (let round = 0; round < ROUNDS; round++) {
    let bytes = Buffer.from(random.pick(bases));
    for (let changes = random.below(6); changes > 0 && bytes.length > 0; changes--) {
      const at = random.below(bytes.length);
      const what = random.below(5);
      if (what === 0) bytes[at] = random.below(256);
      else if (what === 1) bytes[at & ~3] = random.pick([0, 1, 3, 4, 5, 15, 16, 17, 255]);
      else if (what === 2) bytes.subarray(at, at + random.below(64)).fill(random.pick([0, 255]));
      else if (what === 3) bytes = bytes.subarray(0, at);
      else bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.below(9))]);
    }
    const seed = `seed ${SEED}, round ${round}`;
    const taken = take(bytes);
    assert.ok(taken.unix.length + taken.tcp.length <= bytes.length / 8, seed);
    for (const { ino, peer, shutdown, rqueue, wqueue, uid, icons, vfs, name } of taken.unix) {
      for (const number of [ino, peer, shutdown, rqueue, wqueue, uid, vfs?.ino, vfs?.dev, ...(icons ?? [])])
        assert.ok(isWhole(number), seed);
      assert.ok(name === undefined || typeof name === 'string', seed);
    }
    for (const { ino, rqueue, wqueue, uid, ifindex, shutdown, local, remote } of taken.tcp) {
      for (const number of [ino, rqueue, wqueue, uid, ifindex, shutdown, local.port, remote.port])
        assert.ok(isWhole(number), seed);
      assert.match(`${local.address} ${remote.address}`, /^[\da-f:.]+ [\da-f:.]+$/, seed);
    }
  }
});
