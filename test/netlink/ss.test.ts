/** What ss(8) of iproute2 says of the same sockets. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import '../support/leash.ts';
import { getInet, lookUpInet } from '../../src/netlink/inet.ts';
import { lookUpUnix } from '../../src/netlink/unix.ts';
import type { Endpoint, InetSocket, SocketState, UnixSocket } from '../../src/util/socket.ts';
import { ask } from '../support/diag.ts';
import { onceOfTen } from '../support/scenes.ts';
import * as libc from '../support/libc.ts';
import * as sockets from '../support/sockets.ts';

const missing = spawnSync('ss', ['-V']).status === 0 ? false : 'ss is not installed';

const { STREAM, DGRAM, SEQPACKET, inoOf } = sockets;
const NAMES: Partial<Record<SocketState, string>> = { ESTABLISHED: 'ESTAB', CLOSE: 'UNCONN' };
const TYPES: Partial<Record<UnixSocket['type'], string>> = { stream: 'u_str', dgram: 'u_dgr', seqpacket: 'u_seq' };

const stateOf = (state: SocketState): string => NAMES[state] ?? state.replace('_WAIT', '-WAIT-').replace(/-$/, '');
// A list leaves out sockets while others come and go, so there are three.
const lines = (options: string): string[] =>
  [1, 2, 3].flatMap(() => spawnSync('ss', [options], { encoding: 'utf8', maxBuffer: 2 ** 28 }).stdout.split('\n'));

const open: number[] = [];
const keep = (fd: number): number => (open.push(fd), fd);
after(() => open.forEach(libc.close));

describe('ss agrees', { skip: missing }, () => {
  before(() => {
    for (const type of [STREAM, DGRAM, SEQPACKET]) {
      const [, b] = sockets.pair(type).map(keep) as [number, number];
      const name = sockets.unixAddress(`@kcmp-ss-${process.pid}-${type}`);
      const server = keep(sockets.socket(sockets.AF_UNIX, type));
      sockets.bind(server, name);
      if (type !== DGRAM) sockets.listen(server, 7);
      for (let i = 0; i < 3; i++) keep(sockets.client(type, name));
      if (type !== DGRAM) keep(sockets.accept(server));
      if (type === STREAM) sockets.shutdown(b, sockets.SHUT_WR);
      sockets
        .pair(type)
        .map(keep)
        .slice(0, 1)
        .forEach((fd) => (open.splice(open.indexOf(fd), 1), libc.close(fd)));
    }
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.2']) {
      const mapped = address.includes('ffff');
      const at = (port: number): Buffer => sockets.inetAddress({ address, port }, mapped);
      const family = at(0).readUInt16LE(0);
      const server = keep(sockets.listener(STREAM, at(0)));
      for (let i = 0; i < 2; i++) keep(sockets.client(STREAM, at(sockets.portOf(server))));
      keep(sockets.accept(server));
      const receiver = keep(sockets.socket(family, DGRAM));
      sockets.bind(receiver, at(0));
      keep(sockets.client(DGRAM, at(sockets.portOf(receiver))));
    }
  });

  // What ss lists while others come and go may lack some: it does not ask again. Where it answers, it agrees.
  test('about unix sockets', () =>
    onceOfTen(() => {
      const { found } = ask((diag) => lookUpUnix(diag, open.map(inoOf)));
      const said = new Map(
        lines('-Hxan').map((line) => {
          const [type, state, rqueue, wqueue, name, ino, , peer] = line.trim().split(/\s+/);
          return [Number(ino), { type, state, rqueue, wqueue, name, peer }];
        }),
      );
      for (const { ino, type, state, name = '*', peer = 0, rqueue, wqueue } of found.values()) {
        const [queue, room] = [String(rqueue), String(wqueue)];
        const ours = {
          type: TYPES[type],
          state: stateOf(state),
          rqueue: queue,
          wqueue: room,
          name,
          peer: String(peer),
        };
        if (said.has(ino)) assert.deepEqual(said.get(ino), ours);
      }
      assert.ok([...found.keys()].some((ino) => said.has(ino)));
      assert.equal(found.size, open.filter((fd) => isUnix(fd)).length);
    }));

  test('about TCP and UDP', () =>
    onceOfTen(() => {
      const { found } = ask((diag) => lookUpInet(diag, open.map(inoOf)));
      assert.equal(found.size, open.length - open.filter(isUnix).length);
      const said = new Map(
        ['-Htane', '-Huane'].flatMap(lines).map((line) => {
          const [state, rqueue, wqueue, local, remote] = line.trim().split(/\s+/);
          return [Number(/ino:(\d+)/.exec(line)?.[1]), { state, rqueue, wqueue, local, remote }];
        }),
      );
      for (const socket of found.values()) {
        const { ino, state, rqueue, wqueue, local, remote } = socket;
        const text = (end: Endpoint): string => textOf(end, socket);
        const ours = {
          state: stateOf(state),
          rqueue: String(rqueue),
          wqueue: String(wqueue),
          local: text(local),
          remote: text(remote),
        };
        if (said.has(ino)) assert.deepEqual(said.get(ino), ours);
      }
      for (const { protocol, state, local, remote } of found.values()) {
        if (protocol === 'udp' || state === 'LISTEN') continue;
        assert.ok(ask((diag) => getInet(diag, 'tcp', remote, local))?.exact);
      }
    }));
});

const isUnix = (fd: number): boolean => ask((diag) => lookUpUnix(diag, [inoOf(fd)])).found.size > 0;

/** As ss writes it: in brackets where it is IPv6, also around an IPv4 address, and `*` for any of both kinds. */
function textOf({ address, port }: Endpoint, { family, v6only }: InetSocket): string {
  const text = port === 0 ? '*' : String(port);
  if (family === 4) return `${address}:${text}`;
  if (address === '::' && v6only === false) return `*:${text}`;
  return `[${address.includes('.') ? `::ffff:${address}` : address}]:${text}`;
}
